const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const axis = (options) => ({ ...options, gridcolor: colour("--line"), zeroline: false, automargin: true });

/** Draw plotly's data and layout in the colours of the page. */
async function draw(target, data, layout, displayModeBar = "hover") {
  await plotly;
  const drawn = {
    ...layout,
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
    font: { color: colour("--ink") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
  };
  Plotly.react(target, data, drawn, { responsive: true, displaylogo: false, displayModeBar });
}

/** Draw the plot of a section, with a legend below it that is as high as its entries need. */
function plot(section) {
  const { data, layout } = JSON.parse(within(section, "script").textContent);
  const target = within(section, ".plot");
  const shown = data.filter((trace) => trace.showlegend !== false);
  const entry = 50 + 6.5 * Math.max(...shown.map((trace) => trace.name.length));
  const across = Math.max(1, Math.floor((target.clientWidth - 60) / entry));
  const legend = 12 + 20 * Math.ceil(shown.length / across);
  draw(target, data, {
    ...layout,
    height: 360 + legend,
    legend: { orientation: "h", tracegroupgap: 0, entrywidth: entry - 40, x: 0, y: 0, yref: "container", yanchor: "bottom" },
    margin: { t: 16, r: 8, b: 56 + legend, l: 56 },
  });
}

const costs = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20];
const text = (name) => name.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll("%{", "% {");

/** Return the range of a logarithmic axis around some values, with room for labels. */
function range(values, before, after) {
  const logarithms = values.map(Math.log10);
  const [low, high] = [Math.min(...logarithms), Math.max(...logarithms)];
  const width = Math.max(high - low, 0.1);
  return [low - before * width, high + after * width];
}

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** Return where each label stands beside its dot so that it covers nothing that was placed before. */
function positions(dots, width, height, ranges) {
  const scale = (value, [low, high], size) => size * (Math.log10(value) - low) / (high - low);
  const placed = dots.map(({ x, y, bars }) => {
    const across = scale(x, ranges[0], width);
    const [low, up, high] = [y - (bars?.[0] ?? 0), y, y + (bars?.[1] ?? 0)].map((value) => scale(value, ranges[1], height));
    return { across, up, box: [across - 6, up - 6, across + 6, up + 6], bar: [across - 3, low, across + 3, high] };
  });
  const taken = placed.map(({ box }) => box);
  const bars = placed.map(({ bar }) => bar);
  return placed.map(({ across, up }, index) => {
    const long = 5.5 * dots[index].codec.length; // the mean width of a letter, in pixels
    const boxes = {
      "middle right": [across + 8, up - 6, across + 8 + long, up + 6],
      "top right": [across + 6, up + 4, across + 6 + long, up + 16],
      "bottom right": [across + 6, up - 16, across + 6 + long, up - 4],
      "middle left": [across - 8 - long, up - 6, across - 8, up + 6],
      "top left": [across - 6 - long, up + 4, across - 6, up + 16],
      "bottom left": [across - 6 - long, up - 16, across - 6, up - 4],
      "top center": [across - long / 2, up + 7, across + long / 2, up + 19],
      "bottom center": [across - long / 2, up - 19, across + long / 2, up - 7],
    };
    const isFree = ([, box], others) => box[0] > 0 && box[1] > 0 && box[2] < width && !others.some((other) => overlap(box, other));
    const free = Object.entries(boxes).filter((one) => isFree(one, taken));
    const [place, box] = free.find((one) => isFree(one, bars)) ?? free[0] ?? ["", null];
    if (box) taken.push(box);
    return place;
  });
}

/** Draw robustness against efficiency: a dot for each codec of some lists; the chosen list is strong. */
function robustness(target, lists, chosen) {
  const dots = lists.flatMap((list) => list.lines.filter((line) => line.x && line.y).map((line) => ({ ...line, list })));
  dots.sort((a, b) => (b.list === chosen) - (a.list === chosen));
  const isNarrow = target.clientWidth < 500;
  const [width, height] = [target.clientWidth - 60, isNarrow ? 145 : 260];
  const ranges = [range(dots.map(({ x }) => x), 0.08, 0.25), range(dots.flatMap(({ y, bars }) => (bars ? [y - bars[0], y + bars[1]] : [y])), 0.05, 0.05)];
  const places = positions(dots, width, height, ranges);
  const data = dots.map((dot, index) => {
    const isOwn = dot.list.how.includes("own gradients");
    return {
      type: "scatter", mode: places[index] ? "markers+text" : "markers", name: text(dot.codec), showlegend: false,
      x: [dot.x], y: [dot.y], text: [text(dot.codec)], textposition: places[index] || "top center", textfont: { size: 11 },
      opacity: dot.list === chosen ? 1 : 0.5,
      error_y: dot.bars ? { type: "data", symmetric: false, array: [dot.bars[1]], arrayminus: [dot.bars[0]], thickness: 1 } : { visible: false },
      marker: { size: 11, color: palette[index % palette.length], symbol: isOwn ? "circle" : "circle-open" },
      hovertemplate: `${text(dot.full)}<br>clean %{x:.3g}, under attack ${dot.bound ? "≥ " : ""}%{y:.3g}<extra></extra>`,
    };
  });
  const ticks = { type: "log", tickvals: costs, ticktext: costs.map(String) };
  draw(target, data, {
    xaxis: { ...ticks, range: ranges[0], title: { text: "clean R-D cost", standoff: 4 } },
    yaxis: { ...ticks, range: ranges[1], title: { text: isNarrow ? "under attack" : "R-D cost under attack" } },
    height: height + (isNarrow ? 38 : 50), margin: { t: 4, r: 8, b: isNarrow ? 34 : 46, l: 52 },
  }, false);
}
