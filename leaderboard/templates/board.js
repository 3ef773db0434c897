const { lists, palette } = JSON.parse(document.getElementById("lists").textContent);
const choice = (id) => document.getElementById(id);
const rows = matchMedia("(max-width: 40rem)").matches ? 5 : 10;
let isWhole = false;

/** The state of the page, kept in its address: track, list, order, filter and codec. */
const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function address(changes) {
  return `#${new URLSearchParams({ ...state, ...changes })}`;
}

function chosenLists() {
  return lists.filter((list) => list.track === choice("track").value);
}

function chosenList() {
  const own = chosenLists();
  return own.find((list) => list.how === choice("how").value) ?? own[0];
}

function fillLists() {
  const before = choice("how").value || state.how;
  choice("how").replaceChildren(...chosenLists().map(({ how }) => new Option(how.replace(/^attacked /, ""), how, false, how === before)));
}

function line(one, order) {
  const row = document.createElement("tr");
  const link = Object.assign(document.createElement("a"), {
    href: address({ codec: one.anchor }), textContent: one.codec, title: one.full,
  });
  const rank = one.ranks[order] ?? "–";
  for (const cell of [rank, link, ...one.cells]) {
    const place = document.createElement(cell === link ? "th" : "td");
    place.append(cell);
    row.append(place);
  }
  row.querySelector("th").scope = "row";
  if (rank === "–") row.firstChild.title = one.why;
  return row;
}

function showBoard() {
  const list = chosenList();
  if (!list) return;
  const order = choice("order").value;
  const wanted = choice("filter").value.trim().toLowerCase();
  const fits = (one) => `${one.codec} ${one.full}`.toLowerCase().includes(wanted);
  const isUnranked = (one) => one.ranks[order] === undefined;
  const figure = (one) => Number(one.sort[order] || Infinity);
  const sorted = list.lines.filter(fits).sort((a, b) => isUnranked(a) - isUnranked(b) || figure(a) - figure(b));
  const shown = isWhole ? sorted : sorted.slice(0, rows);
  document.querySelector("#ranking tbody").replaceChildren(...shown.map((one) => line(one, order)));
  choice("more").hidden = sorted.length <= rows;
  choice("more").textContent = isWhole ? `Show ${rows}` : `Show all ${sorted.length}`;
  choice("trust").textContent = list.trust;
  choice("closest").textContent = list.closest;
  choice("add").querySelector("span").textContent = list.track;
  document.querySelector("#robustness span").textContent = list.unit;
  document.querySelectorAll("#board + .cards [data-run]").forEach((part) => { part.hidden = part.dataset.run !== list.track; });
  robustness(document.querySelector("#robustness .plot"), chosenLists(), list);
}

function showCodec() {
  document.querySelectorAll(".panel").forEach((panel) => { panel.hidden = panel.id !== state.codec; });
  const panel = state.codec && document.getElementById(state.codec);
  if (!panel) return;
  panel.querySelectorAll(".viewer").forEach(view);
  panel.querySelectorAll(".chart").forEach(plot);
  sortTables();
  panel.querySelector(".close").href = address({ codec: "" });
  panel.scrollIntoView();
}

function keep() {
  for (const id of ["track", "how", "order", "filter"]) state[id] = choice(id).value;
  history.replaceState(null, "", address({}));
}

function restore() {
  const before = state.codec;
  for (const key of Object.keys(state)) delete state[key];
  Object.assign(state, Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
  for (const id of ["track", "order", "filter"]) if (state[id]) choice(id).value = state[id];
  if (!choice("track").value) choice("track").selectedIndex = 0;
  if (!choice("order").value) choice("order").selectedIndex = 0;
  fillLists();
  if (chosenLists().some((list) => list.how === state.how)) choice("how").value = state.how;
  showBoard();
  if (state.codec !== before || state.codec) showCodec();
}

function startBoard() {
  choice("track").addEventListener("change", fillLists);
  for (const id of ["track", "how", "order", "filter"]) {
    choice(id).addEventListener("input", () => { keep(); showBoard(); });
  }
  choice("more").addEventListener("click", () => { isWhole = !isWhole; showBoard(); });
  document.querySelector("#board .pickers").addEventListener("submit", (event) => event.preventDefault());
  document.querySelectorAll("[data-codec]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    location.hash = address({ codec: link.dataset.codec });
  }));
  addEventListener("hashchange", restore);
  restore();
}
