// Starts `hyperdsl lsp` for the files that end in .hyper.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const [command, ...args] = workspace.getConfiguration("hyperdsl").get("command");
  client = new LanguageClient(
    "hyperdsl",
    "hyperdsl",
    { command, args },
    { documentSelector: [{ language: "hyper" }] },
  );
  return client.start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
