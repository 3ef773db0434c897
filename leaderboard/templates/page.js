const dark = matchMedia("(prefers-color-scheme: dark)");
const within = (element, selector) => element.querySelector(selector);

function view(figure) {
  const views = JSON.parse(within(figure, "script").textContent);
  const slider = within(figure, "input");
  const over = within(figure, ".over");
  const cut = () => { over.style.clipPath = `inset(0 ${100 - slider.value}% 0 0)`; };
  for (const [side, image] of [["left", ".over"], ["right", ".under"]]) {
    const choice = within(figure, `.${side}`);
    const show = () => Object.assign(within(figure, image), { src: views[choice.value], alt: choice.value });
    choice.addEventListener("change", show);
    show();
  }
  slider.addEventListener("input", cut);
  cut();
}

function plot(section) {
  const { data, layout } = JSON.parse(within(section, "script").textContent);
  const target = within(section, ".plot");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const shown = data.filter((trace) => trace.showlegend !== false);
  const entry = 50 + 6.5 * Math.max(...shown.map((trace) => trace.name.length));
  const across = Math.max(1, Math.floor((target.clientWidth - 60) / entry));
  const legend = 12 + 20 * Math.ceil(shown.length / across);
  const axis = (options) => ({ ...options, gridcolor: colour("--line"), zeroline: false, automargin: true });
  const drawn = {
    ...layout,
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
    font: { color: colour("--ink") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    height: 360 + legend,
    legend: { orientation: "h", tracegroupgap: 0, entrywidth: entry - 40, x: 0, y: 0, yref: "container", yanchor: "bottom" },
    margin: { t: 16, r: 8, b: 56 + legend, l: 56 },
  };
  Plotly.react(target, data, drawn, { responsive: true, displaylogo: false, displayModeBar: "hover" });
}

function paint() {
  document.documentElement.classList.toggle("dark", dark.matches);
  document.querySelectorAll(".chart:not([hidden])").forEach(plot);
}

function choose(run) {
  for (const part of document.querySelectorAll("[data-run]")) {
    part.hidden = run !== "" && part.dataset.run !== run;
  }
  paint();
}

const source = JSON.parse(document.getElementById("datatables").textContent);
const library = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
const { default: DataTable } = await import(library);

function sortable(table) {
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

document.querySelectorAll("table.board").forEach(sortable);
document.querySelectorAll(".viewer").forEach(view);
document.getElementById("run")?.addEventListener("change", (event) => choose(event.target.value));
dark.addEventListener("change", paint);
paint();
document.documentElement.dataset.ready = "yes";
