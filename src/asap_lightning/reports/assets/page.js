"use strict";
// Draws the figures that lie in the page as JSON, smooths curves, shows pictures over time.
(() => {
  const root = document.documentElement;

  // An error is shown, not hidden in a console that nobody opens.
  const complain = (text) => {
    let box = document.getElementById("errors");
    if (!box) {
      box = document.createElement("div");
      box.id = "errors";
      document.body.prepend(box);
    }
    box.className = "shown";
    box.textContent += `This page has met an error: ${text}\n`;
  };
  window.addEventListener("error", (event) => complain(event.message));
  window.addEventListener("unhandledrejection", (event) => complain(String(event.reason)));

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  const axis = (given) => ({
    ...given,
    gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line"),
    tickcolor: colour("--line"), tickfont: { color: colour("--faint"), size: 11 },
    title: { ...(given || {}).title, font: { color: colour("--faint"), size: 12 } },
  });

  const themed = (layout) => {
    const made = {
      ...layout, autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--ink"), size: 12, family: getComputedStyle(document.body).fontFamily },
      hoverlabel: { bgcolor: colour("--back"), bordercolor: colour("--line"), font: { color: colour("--ink") }, namelength: -1 },
      modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: colour("--faint"), activecolor: colour("--accent") },
    };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) made[key] = axis(layout[key]);
    }
    return made;
  };

  // Exponential mean, freed of its bias towards the first value (as TensorBoard and W&B do it).
  const smoothed = (values, weight) => {
    let mean = 0, norm = 1;
    return values.map((value) => {
      if (value === null) return null;
      mean = weight * mean + (1 - weight) * value;
      norm *= weight;
      return mean / (1 - norm);
    });
  };

  const traces = (figure, weight) => figure.data.filter((trace) => !figure.hidden.has(trace.name)).flatMap((trace) => {
    if (trace.type === "parcoords") {
      return [{ ...trace, labelfont: { color: colour("--ink"), size: 12 }, tickfont: { color: colour("--ink"), size: 11 },
        rangefont: { color: colour("--faint"), size: 10 }, unselected: { line: { color: colour("--line"), opacity: 0.5 } } }];
    }
    if (!(trace.meta && trace.meta.smooth) || weight === 0) return [trace];
    const raw = { ...trace, opacity: 0.3, line: { ...trace.line, width: 1 }, showlegend: false, hoverinfo: "skip", hovertemplate: null };
    return [raw, { ...trace, y: smoothed(trace.y, weight) }];
  });

  const figures = [...document.querySelectorAll("script[data-figure]")].map((script) => ({
    place: document.getElementById(script.dataset.figure), hidden: new Set(), ...JSON.parse(script.textContent),
  }));
  const options = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "resetScale2d"]] };
  const slider = document.getElementById("smoothing");

  const draw = (figure) => {
    const weight = slider ? Number(slider.value) : 0;
    return Plotly.react(figure.place, traces(figure, weight), themed(figure.layout), options);
  };
  const drawAll = () => Promise.all(figures.map(draw)).then(() => { document.body.dataset.drawn = figures.length; });

  if (slider) slider.addEventListener("input", () => {
    document.getElementById("smoothing-value").textContent = Number(slider.value).toFixed(2);
    drawAll();
  });
  for (const button of document.querySelectorAll(".legend button")) {
    const figure = figures.find(({ place }) => place.id === button.parentElement.dataset.of);
    button.addEventListener("click", () => {
      const name = button.dataset.curve;
      if (!figure.hidden.delete(name)) figure.hidden.add(name);
      button.classList.toggle("off", figure.hidden.has(name));
      draw(figure);
    });
  }
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  for (const slides of document.querySelectorAll(".slides")) {
    const pictures = [...slides.querySelectorAll("img")];
    const place = slides.querySelector("input");
    const label = slides.querySelector("output");
    const show = () => {
      pictures.forEach((picture, index) => picture.classList.toggle("shown", index === Number(place.value)));
      label.textContent = pictures[Number(place.value)].alt;
    };
    if (place) place.addEventListener("input", show);
  }

  // Brushing an axis of the parallel coordinates leaves the chosen jobs in the table and the scatter plots.
  const follow = (figure) => {
    if (!figure.data.length || figure.data[0].type !== "parcoords") return;
    const rows = figure.layout.meta.rows;
    figure.place.on("plotly_restyle", () => {
      const axes = figure.place.data[0].dimensions;
      const inside = (value, range) => range.some(([low, high]) => value >= low && value <= high);
      const ranges = axes.map(({ constraintrange: range }) => (!range ? null : Array.isArray(range[0]) ? range : [range]));
      const chosen = rows.map((_, job) => axes.every((axis, at) => !ranges[at] || inside(axis.values[job], ranges[at])));
      rows.forEach((row, job) => {
        const shown = document.querySelector(`tr[data-job="${row}"]`);
        if (shown) shown.classList.toggle("hidden", !chosen[job]);
      });
    });
  };

  drawAll().then(() => figures.forEach(follow));
})();
