const within = (element, selector) => element.querySelector(selector);
const viewsOf = (figure) => JSON.parse(within(figure, "script").textContent);

/** Compare two views of one picture with a slider. Pictures are loaded when they are first shown. */
function view(figure) {
  if (figure.dataset.shown) return;
  figure.dataset.shown = "yes";
  const views = viewsOf(figure);
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

/** Show the same view of two codecs; one loupe moves over both pictures. */
function sideBySide(section) {
  const choices = ["first-codec", "second-codec"].map((id) => document.getElementById(id));
  const view = document.getElementById("view");
  const loupe = document.getElementById("loupe");
  const figures = [...section.querySelectorAll(".pair figure")];
  const sets = () => choices.map((choice) => viewsOf(document.getElementById(choice.value)));
  let place = [50, 50];

  function magnify() {
    for (const figure of figures) {
      const image = within(figure, "img");
      image.style.transformOrigin = `${place[0]}% ${place[1]}%`;
      image.style.transform = figure.matches(".magnified") ? `scale(${loupe.value})` : "";
    }
  }
  function show() {
    const views = sets();
    const names = Object.keys(views[0]).filter((name) => name in views[1]);
    const chosen = names.includes(view.value) ? view.value : "reconstruction under attack";
    view.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
    figures.forEach((figure, index) => {
      const title = choices[index].selectedOptions[0].text;
      Object.assign(within(figure, "img"), { src: views[index][view.value], alt: `${title}: ${view.value}` });
      within(figure, "figcaption").textContent = title;
    });
    magnify();
  }
  function magnified(isOn) {
    figures.forEach((figure) => figure.classList.toggle("magnified", isOn));
    magnify();
  }
  for (const figure of figures) {
    figure.addEventListener("pointermove", (event) => {
      const box = figure.getBoundingClientRect();
      place = [100 * (event.clientX - box.left) / box.width, 100 * (event.clientY - box.top) / box.height];
      magnified(true);
    });
    figure.addEventListener("pointerleave", () => magnified(false));
    figure.addEventListener("focus", () => magnified(true));
    figure.addEventListener("blur", () => magnified(false));
    figure.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, -5], ArrowDown: [0, 5] };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      place = place.map((part, axis) => Math.min(100, Math.max(0, part + step[axis])));
      magnify();
    });
  }
  if (choices[1].options.length > 1) choices[1].selectedIndex = choices[1].options.length - 1;
  [...choices, view].forEach((choice) => choice.addEventListener("change", show));
  loupe.addEventListener("input", magnify);
  section.addEventListener("toggle", show, { once: true });
}
