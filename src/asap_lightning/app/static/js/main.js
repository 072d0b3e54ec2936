// The page: connects the painter, the engine and the buttons.
import { chosenEngine } from "./engine.js";
import { newCanvasDialog } from "./dialog.js";
import { offerExamples } from "./examples.js";
import { gridOf, keep } from "./files.js";
import { listenToKeys } from "./keys.js";
import { Live } from "./live.js";
import { Model } from "./model.js";
import { Painter } from "./painter.js";
import { Palette } from "./palette.js";
import { splitView } from "./split.js";
import { styleControls } from "./styles.js";
import { themeButton } from "./theme.js";
import { TOOLS, Tools } from "./tools.js";

const get = (id) => document.getElementById(id);
const say = (text, wrong = false) => {
  get("message").textContent = text;
  get("message").classList.toggle("wrong", wrong);
};

async function begin() {
  themeButton(get("theme"));
  const engine = await chosenEngine(say);
  const model = new Model(await engine.describe());
  get("title").textContent = document.title = model.title;
  get("left-name").textContent = model.label ? "Layout" : model.kind === "depth" ? "Depth" : "Drawing";
  get("palette-heading").textContent = model.label ? "Classes" : model.kind === "depth" ? "Distances" : "Colours";

  const painter = new Painter(model, get("layout"), get("picture"), {
    changed: () => live.ask(),
    finished: () => state(), // what a stroke painted was asked for as it changed
    replaced: () => { get("dimensions").textContent = `${painter.grid.width} × ${painter.grid.height}`; },
    state: () => state(),
  });
  const styles = styleControls(model, () => live.ask(), say);
  const live = liveView({ engine, model, painter, styles });
  const palette = new Palette(model, get("palette"), get("filter"), (value) => painter.pick(value));
  const tool = toolButtons(painter);
  new Tools(painter, get("layout"));
  splitView(painter.view, get("stages"), get("divider"), document.getElementsByName("view"));

  function state() {
    palette.show(painter.value);
    get("undo").disabled = !painter.history.canUndo;
    get("redo").disabled = !painter.history.canRedo;
  }

  const open = async (file) => {
    if (!file) return;
    try {
      painter.use(await gridOf(file, model));
      say("");
    } catch (error) {
      say(`${file.name}: ${error.message}`, true);
    }
  };
  const actions = bindActions({ painter, model, styles, openNew: newCanvasDialog(model, (...size) => painter.clear(...size)) });
  get("file").addEventListener("change", (event) => { open(event.target.files[0]); event.target.value = ""; });
  acceptDrops(open);
  listenToKeys({ actions, tool, digit: (key) => {
    const value = palette.valueOf(key);
    if (value !== undefined) painter.pick(value);
  } });

  const first = await offerExamples(model, get("examples"), (grid) => painter.use(grid)).catch(() => null);
  painter.pick(model.entries[Math.min(3, model.entries.length - 1)].value);
  if (first) painter.use(first);
  else painter.clear(model.size.training.width, model.size.training.height);
  state();
  if (engine.name === "server") get("engine").textContent = `translated by the server · ${model.generator}`;
  document.body.dataset.state = "ready";
  globalThis.painter = painter; // for tests, and for who looks under the bonnet
}

/** Translates while one paints. */
function liveView({ engine, model, painter, styles }) {
  return new Live({
    translate: async () => {
      const { grid } = painter;
      return { grid, ...(await engine.translate({ model, grid, ...styles.now() })) };
    },
    shown: async ({ grid, bitmap, blob, milliseconds }, since) => {
      if (grid.width !== painter.grid.width || grid.height !== painter.grid.height) return; // of another canvas
      painter.view.picture?.close();
      painter.view.picture = bitmap;
      painter.picture = blob;
      painter.view.drawNow();
      await new Promise(requestAnimationFrame);
      const latency = Math.round(since());
      get("latency").textContent = `${latency} ms` + (milliseconds ? ` · model ${Math.round(milliseconds)} ms` : "");
      get("save-picture").disabled = false;
      document.body.dataset.pictures = Number(document.body.dataset.pictures ?? 0) + 1;
      document.body.dataset.latency = latency;
      if (get("message").classList.contains("live")) say("");
      get("message").classList.remove("live");
      if (engine.told) get("engine").textContent = engine.told;
    },
    failed: (error) => {
      say(error.message, true);
      get("message").classList.add("live");
    },
    busy: (busy) => { get("busy").hidden = !busy; document.body.dataset.busy = busy; },
  });
}

/** The tools as radio buttons; returns a function that chooses one. */
function toolButtons(painter) {
  const buttons = TOOLS.map(([name, title, key]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.title = `${title} (${key.toUpperCase()})`;
    button.ariaLabel = title;
    button.dataset.tool = name;
    button.innerHTML = `<svg><use href="icons.svg#${name}"/></svg>`;
    button.addEventListener("click", () => choose(name));
    return button;
  });
  get("tools").append(...buttons);
  const choose = (name) => {
    painter.tool = name;
    get("layout").dataset.tool = name;
    buttons.forEach((button) => button.setAttribute("aria-checked", button.dataset.tool === name));
  };
  choose(painter.tool);
  return choose;
}

/** What buttons and keys do. */
function bindActions({ painter, model, styles, openNew }) {
  const { view } = painter;
  const size = (value) => {
    painter.size = Math.min(128, Math.max(1, value));
    get("size").value = get("size-shown").textContent = painter.size;
  };
  const step = () => Math.max(1, Math.round(painter.size / 8));
  const actions = {
    new: () => openNew(painter.grid),
    open: () => get("file").click(),
    save: async () => painter.picture && keep(await painter.picture(), "picture.png"),
    saveLayout: async () => keep(await model.encode(painter.grid), "layout.png"),
    undo: () => painter.undo(),
    redo: () => painter.redo(),
    smaller: () => size(painter.size - step()),
    larger: () => size(painter.size + step()),
    zoomIn: () => view.zoom(1.25),
    zoomOut: () => view.zoom(0.8),
    zoomFit: () => view.fit(),
    dice: () => styles.dice(),
  };
  const buttons = {
    new: "new", open: "open", "save-layout": "saveLayout", "save-picture": "save", undo: "undo", redo: "redo",
    "zoom-in": "zoomIn", "zoom-out": "zoomOut", "zoom-fit": "zoomFit",
  };
  for (const [id, name] of Object.entries(buttons)) get(id).addEventListener("click", () => actions[name]());
  get("size").addEventListener("input", () => size(Number(get("size").value)));
  view.onchange = () => { get("zoom-shown").textContent = `${Math.round(100 * view.scale)}%`; };
  return actions;
}

/** Files that are dropped anywhere on the page, or pasted. */
function acceptDrops(open) {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); open(event.dataTransfer.files[0]); });
  addEventListener("paste", (event) => open(event.clipboardData?.files[0]));
}

begin().catch((error) => {
  say(`The painter cannot begin: ${error.message}`, true);
  document.body.dataset.state = "failed";
});
