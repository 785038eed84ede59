// The compiler: a request {id, call, text} in, {id, result} or {id, failed} out.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const SITE = "/lib/site-packages";

async function load() {
  const [python, wheels] = await Promise.all([
    loadPyodide(),
    fetch("wheels.json").then(answer => answer.json()),
  ]);
  const archives = wheels.map(name => fetch(`wheels/${name}`).then(answer => answer.arrayBuffer()));
  for (const archive of await Promise.all(archives)) python.unpackArchive(archive, "wheel", { extractDir: SITE });
  python.runPython(`import os, sys\nsys.path.insert(0, ${JSON.stringify(SITE)})\nos.environ["HYPERDSL_CACHE"] = ""`);
  return python.pyimport("hyperdsl.playground");
}

const loaded = load();
loaded.then(() => postMessage({ ready: true }), reason => postMessage({ failed: String(reason) }));

onmessage = async ({ data: { id, call, text } }) => {
  const compiler = await loaded;
  try {
    postMessage({ id, result: JSON.parse(compiler[call](text)) });
  } catch (reason) {
    postMessage({ id, failed: String(reason) });
  }
};
