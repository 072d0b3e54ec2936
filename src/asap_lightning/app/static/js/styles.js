// Seed and guide, for models with a style.

const LARGEST = 2 ** 31 - 1;

/** Shows the controls that the model has; `now()` gives {seed, guide}, `dice()` draws a seed. */
export function styleControls(model, changed, say) {
  const get = (id) => document.getElementById(id), seed = get("seed");
  let guide = null;
  get("styles").hidden = !model.seed && !model.guide;
  get("seed-box").hidden = !model.seed;
  get("guide-box").hidden = !model.guide;
  const dice = () => {
    if (!model.seed) return;
    seed.value = Math.floor(Math.random() * 10000);
    changed();
  };
  seed.addEventListener("input", changed);
  get("dice").addEventListener("click", dice);
  const use = (file) => {
    guide = file;
    const shown = get("guide-shown");
    if (shown.src) URL.revokeObjectURL(shown.src);
    if (file) shown.src = URL.createObjectURL(file);
    shown.hidden = get("guide-off").hidden = !file;
    changed();
  };
  get("guide").addEventListener("click", () => get("guide-file").click());
  get("guide-file").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    event.target.value = "";
    if (!file) return;
    try {
      (await createImageBitmap(file)).close();
      use(file);
    } catch {
      say(`${file.name} is no picture that can be read.`, true);
    }
  });
  get("guide-off").addEventListener("click", () => use(null));
  const number = () => Math.min(LARGEST, Math.max(0, Math.floor(Number(seed.value) || 0)));
  return { now: () => ({ seed: number(), guide }), dice };
}
