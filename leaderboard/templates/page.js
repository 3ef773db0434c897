/** Write the head of its column before each cell of a row, for narrow screens. */
function labelled(row) {
  const heads = row.closest("table").tHead.rows[0].cells;
  [...row.cells].forEach((cell, index) => { cell.dataset.head = heads[index].textContent; });
}

/** Make a table sortable; its numbers are sorted by value and words by name. */
function sortable(DataTable, table) {
  const heads = [...table.tHead.rows[0].cells];
  const hidden = heads.flatMap((head, index) => (head.dataset.visible === "false" ? [index] : []));
  const cells = [...(table.tBodies[0].rows[0]?.cells ?? [])];
  const figures = cells.flatMap((cell, index) => (cell.dataset.order === undefined ? [] : [index]));
  new DataTable(table, {
    paging: table.tBodies[0].rows.length > 50,
    pageLength: 50,
    order: [],
    autoWidth: false,
    columnDefs: [{ targets: hidden, visible: false }, { targets: figures, searchable: false }],
    layout: {
      topStart: hidden.length ? { buttons: [{ extend: "colvis", text: "Columns" }] } : null,
      topEnd: table.tBodies[0].rows.length > 4 ? { search: { text: "", placeholder: "filter" } } : null,
      bottomStart: null,
      bottomEnd: table.tBodies[0].rows.length > 50 ? "paging" : null,
    },
  });
}

/** Make the tables sortable that are visible; a page has too many to do all at once. */
async function sortTables() {
  const { default: DataTable } = await datatables;
  document.querySelectorAll("table.board:not(.dataTable)").forEach((table) => { if (table.checkVisibility()) sortable(DataTable, table); });
}

function paint() {
  document.documentElement.classList.toggle("dark", dark.matches);
  showBoard();
  sortTables();
  document.querySelectorAll(".chart:not([hidden]):has(script)").forEach((section) => { if (section.checkVisibility()) plot(section); });
}

function choose(run) {
  for (const part of document.querySelectorAll("#tables [data-run]")) {
    part.hidden = run !== "" && part.dataset.run !== run;
  }
  paint();
}

async function showCorruptions() {
  document.getElementById("tables").open = true;
  await sortTables();
  document.getElementById("corruptions").scrollIntoView();
}

startBoard();
sideBySide(document.getElementById("side-by-side"));
dark.addEventListener("change", paint);
document.getElementById("run")?.addEventListener("change", (event) => choose(event.target.value));
document.getElementById("corrupted")?.addEventListener("click", showCorruptions);
document.querySelectorAll("details").forEach((section) => section.addEventListener("toggle", paint));
paint();
document.querySelectorAll(".stacked tbody tr").forEach(labelled);
await sortTables();
document.documentElement.dataset.ready = "yes";
