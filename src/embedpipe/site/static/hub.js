// Filters and sorts the table of models; turns tabs and copies code on a model's page.

function list() {
  const body = document.querySelector("#models tbody");
  if (!body) return;
  const rows = [...body.rows].map((row) => ({ row, model: JSON.parse(row.dataset.model) }));
  const field = (id) => document.getElementById(id);
  const apply = () => {
    const words = field("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, model } of rows) {
      const fits = words.every((word) => model.words.includes(word))
        && ["task", "language", "license"].every((key) => {
          const wanted = field(key).value;
          return wanted === "" || wanted === model[key];
        })
        && model.dimension <= Number(field("dimension").value || Infinity)
        && (!field("here").checked || model.size !== null);
      row.hidden = !fits;
      shown += fits;
    }
    field("count").textContent = `${shown} of ${rows.length} models`;
  };
  for (const input of document.querySelectorAll(".filters input, .filters select")) {
    input.addEventListener("input", apply);
  }
  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(body, rows, button));
  }
  apply();
}

function sort(body, rows, button) {
  const head = button.parentElement;
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = button.dataset.key;
  const value = (found) => found.model[key] ?? (descending ? -1 : Infinity);
  rows.sort((a, b) => {
    const order = value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0;
    return descending ? -order : order;
  });
  body.append(...rows.map((found) => found.row));
}

function tabs() {
  const all = [...document.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of all) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
  };
  all.forEach((tab, place) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = all[(place + step + all.length) % all.length];
      choose(next);
      next.focus();
    });
  });
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.nextElementSibling.textContent);
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1500);
    });
  }
}

list();
tabs();
document.body.dataset.ready = "true";
