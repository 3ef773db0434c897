/** Return the address of an embedded library: base64 of its gzip. */
async function unpacked(name) {
  const packed = Uint8Array.from(atob(document.getElementById(name).textContent), (sign) => sign.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const source = await new Response(stream).blob();
  return URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
}

/** Run an embedded library that is no module. */
async function runLibrary(name) {
  const script = Object.assign(document.createElement("script"), { src: await unpacked(name) });
  document.head.append(script);
  await new Promise((resolve, reject) => { script.onload = resolve; script.onerror = reject; });
}

const plotly = runLibrary("plotly");
const datatables = plotly.then(() => unpacked("datatables")).then((address) => import(address));
