"use strict";
// Tables that sort, filter and fold; figures whose marks say their numbers.
for (const table of document.querySelectorAll("table.listing")) {
  const body = table.tBodies[0];
  const nodes = [...body.rows].map((row, place) => ({
    row, place, parent: null, children: [], fold: row.querySelector(".fold"), text: row.textContent.toLowerCase(),
  }));
  const byId = new Map(nodes.map((node) => [node.row.id, node]));
  for (const node of nodes) {
    node.parent = byId.get(node.row.dataset.parent) ?? null;
    if (node.parent) node.parent.children.push(node);
  }
  const roots = nodes.filter((node) => !node.parent);
  const mine = (kind) => document.querySelectorAll(`${kind}[data-for="${table.id}"]`);
  const [search] = mine("input"), [count] = mine("output");
  const isOpen = (node) => node.fold?.getAttribute("aria-expanded") === "true";

  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    let found = 0;
    const visit = (node, open, within) => {
      const hit = within || (wanted !== "" && node.text.includes(wanted));
      let any = false;
      for (const child of node.children) any = visit(child, open && isOpen(node), hit) || any;
      const leaf = node.children.length === 0;
      if (hit && leaf) found += 1;
      node.row.hidden = wanted === "" ? !open : !(any || (hit && leaf));
      return any || hit;
    };
    for (const root of roots) visit(root, true, false);
    const leaves = nodes.filter((node) => node.children.length === 0).length;
    count.textContent = wanted === "" ? "" : `${found} of ${leaves}`;
  };
  search.addEventListener("input", show);

  for (const node of nodes) {
    node.fold?.addEventListener("click", () => {
      node.fold.setAttribute("aria-expanded", String(!isOpen(node)));
      show();
    });
  }
  for (const button of mine("button")) {
    button.addEventListener("click", () => {
      const visit = (node, level) => {
        node.fold?.setAttribute("aria-expanded", String(level < Number(button.dataset.depth)));
        for (const child of node.children) visit(child, level + 1);
      };
      for (const root of roots) visit(root, 0);
      show();
    });
  }

  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    header.querySelector(".sort").addEventListener("click", () => {
      const numeric = nodes.some((node) => node.row.cells[column].dataset.value !== undefined);
      const turns = numeric ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
      const turn = turns[(turns.indexOf(header.getAttribute("aria-sort")) + 1) % turns.length];
      for (const other of headers) other.setAttribute("aria-sort", other === header ? turn : "none");
      const key = ({row}) => {
        const cell = row.cells[column];
        return numeric ? Number(cell.dataset.value ?? -Infinity) : cell.textContent;
      };
      const sign = turn === "descending" ? -1 : 1;
      const order = (one, other) => {
        if (turn === "none") return one.place - other.place;
        const [a, b] = [key(one), key(other)];
        const compared = numeric ? (a < b ? -1 : a > b ? 1 : 0) : a.localeCompare(b, "en", {numeric: true});
        return sign * compared || one.place - other.place;
      };
      const rows = document.createDocumentFragment();
      const visit = (node) => {
        rows.append(node.row);
        [...node.children].sort(order).forEach(visit);
      };
      [...roots].sort(order).forEach(visit);
      body.append(rows);
    });
  });
}

for (const figure of document.querySelectorAll("figure")) {
  const said = figure.querySelector("output");
  for (const drawing of figure.querySelectorAll("svg")) {
    const marks = [...drawing.querySelectorAll(".mark")];
    let at = -1;
    const tell = (place) => {
      if (place < 0) return;
      marks[at]?.classList.remove("told");
      at = place;
      marks[at].classList.add("told");
      said.textContent = marks[at].querySelector("title").textContent;
    };
    drawing.addEventListener("pointerover", (event) => tell(marks.indexOf(event.target.closest(".mark"))));
    drawing.addEventListener("keydown", (event) => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      if (step === undefined || marks.length === 0) return;
      event.preventDefault();
      tell((at + step + marks.length) % marks.length);
    });
  }
}
