// The library's table is whole without this: here it is searched and sorted.
(() => {
  const table = document.getElementById("library-table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const search = document.getElementById("library-search");
  const count = document.getElementById("library-count");

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length} methods`;
  };

  const key = (row, column, kind) => {
    const cell = row.cells[column];
    if (kind === "number") return cell.dataset.sort === "inf" ? Infinity : Number(cell.dataset.sort);
    return cell.textContent.toLowerCase();
  };

  const sort = (head, column) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    rows.sort((one, other) => {
      const [a, b] = [key(one, column, head.dataset.kind), key(other, column, head.dataset.kind)];
      return sign * (a < b ? -1 : a > b ? 1 : 0);
    });
    body.append(...rows);
  };

  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head, column));
    head.replaceChildren(button);
  });
  search.addEventListener("input", filter);
  filter();
})();

// What scrolls sideways can be reached and scrolled with the keyboard.
const scrolling = () => {
  for (const part of document.querySelectorAll("pre > code, .md-typeset__scrollwrap")) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  }
};
addEventListener("load", scrolling);
addEventListener("resize", scrolling);
