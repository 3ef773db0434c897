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

/** Return how far a dot is from a box, in pixels. */
const distance = (box, { across, up }) => Math.hypot(Math.max(box[0] - across, 0, across - box[2]), Math.max(box[1] - up, 0, up - box[3]));

/** Return how far a dot is from a line that starts at another dot, in pixels. */
function passes(from, [right, below], { across, up }) {
  const [x, y] = [across - from.across, from.up - up];
  const along = Math.min(1, Math.max(0, (x * right + y * below) / (right ** 2 + below ** 2)));
  return Math.hypot(x - along * right, y - along * below);
}

/** Boxes of a label of some width at a dot: beside it, and further away with a line to it; in pixels. */
function boxes({ across, up }, long) {
  const beside = {
    "middle right": [8, 0], "top right": [6, 10], "bottom right": [6, -10],
    "middle left": [-8 - long, 0], "top left": [-6 - long, 10], "bottom left": [-6 - long, -10],
    "top center": [-long / 2, 13], "bottom center": [-long / 2, -13],
  };
  const at = (name, [right, above], line) => ({ name, line, box: [across + right, up + above - 6, across + right + long, up + above + 6] });
  const far = [ // the nearest ones first
    [24, 24], [-24, 24], [24, -24], [-24, -24],
    [50, 44], [-50, 44], [50, -44], [-50, -44], [60, 24], [-60, 24], [60, -24], [-60, -24],
    [90, 60], [-90, 60],
  ];
  return [
    ...Object.entries(beside).map(([name, place]) => at(name, place)),
    ...far.map(([right, above]) => at("", [right > 0 ? right : right - long, above], [right, -above])),
  ];
}

/** Return the place of each label: it covers nothing that was placed before, and its own dot is clearly the nearest. */
function positions(dots, width, height, ranges) {
  const scale = (value, [low, high], size) => size * (Math.log10(value) - low) / (high - low);
  const placed = dots.map(({ x, y, bars }) => {
    const across = scale(x, ranges[0], width);
    const [low, up, high] = [y - (bars?.[0] ?? 0), y, y + (bars?.[1] ?? 0)].map((value) => scale(value, ranges[1], height));
    return { across, up, box: [across - 6, up - 6, across + 6, up + 6], bar: [across - 3, low, across + 3, high] };
  });
  const taken = placed.flatMap(({ box, bar }) => [box, bar]);
  return placed.map((own, index) => {
    const isOwn = (other) => other === own.box || other === own.bar;
    const isInside = (box) => box[0] > 0 && box[1] > 0 && box[2] < width && box[3] < height;
    const others = placed.filter((other) => Math.hypot(other.across - own.across, other.up - own.up) > 8); // closer ones look like one dot
    const isNearest = (box) => others.every((other) => distance(box, other) > distance(box, own) + 3);
    const isAlone = (box, line) => others.every((other) => distance(box, other) > 14 && passes(own, line, other) > 8);
    const found = boxes(own, 5.5 * dots[index].codec.length) // the mean width of a letter
      .find(({ box, line }) => isInside(box) && !taken.some((other) => !isOwn(other) && overlap(box, other)) && (line ? isAlone(box, line) : isNearest(box)));
    if (found) taken.push(found.box);
    return found;
  });
}

/** Return the labels that have a line to their dot. */
function labelsWithLines(dots, places, chosen) {
  return dots.flatMap((dot, index) => (places[index]?.line ? [{
    x: Math.log10(dot.x), y: Math.log10(dot.y), text: text(dot.codec), font: { size: 11 }, opacity: dot.list === chosen ? 1 : 0.5,
    ax: places[index].line[0], ay: places[index].line[1], xanchor: places[index].line[0] > 0 ? "left" : "right",
    showarrow: true, arrowhead: 0, arrowwidth: 0.7, arrowcolor: colour("--ink"), standoff: 7, borderpad: 0,
  }] : []));
}

/** Draw robustness against efficiency: a dot for each codec of some lists; the chosen list is strong. */
function robustness(target, lists, chosen) {
  const dots = lists.flatMap((list) => list.lines.filter((line) => line.x && line.y).map((line) => ({ ...line, list })));
  dots.sort((a, b) => (b.list === chosen) - (a.list === chosen));
  const isNarrow = target.clientWidth < 500;
  const [width, height] = [target.clientWidth - 60, isNarrow ? 145 : 235];
  const ranges = [range(dots.map(({ x }) => x), 0.2, 0.25), range(dots.flatMap(({ y, bars }) => (bars ? [y - bars[0], y + bars[1]] : [y])), 0.05, 0.05)];
  const places = positions(dots, width, height, ranges);
  const data = dots.map((dot, index) => {
    const isOwn = dot.list.how.includes("own gradients");
    return {
      type: "scatter", mode: places[index]?.name ? "markers+text" : "markers", name: text(dot.codec), showlegend: false,
      x: [dot.x], y: [dot.y], text: [text(dot.codec)], textposition: places[index]?.name || "top center", textfont: { size: 11 },
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
    annotations: labelsWithLines(dots, places, chosen),
    height: height + (isNarrow ? 38 : 50), margin: { t: 4, r: 8, b: isNarrow ? 34 : 46, l: 52 },
  }, false);
}
