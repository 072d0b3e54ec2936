// The dialog for a new canvas.

const PRESETS = [[256, 256], [512, 512], [768, 512], [512, 768], [1024, 1024]];

/** Prepares it; returns a function that opens it with the size of now, and `make(width, height, value)` follows. */
export function newCanvasDialog(model, make) {
  const get = (id) => document.getElementById(id);
  const dialog = get("new-dialog"), width = get("new-width"), height = get("new-height"), fill = get("new-fill");
  const most = model.size.most_pixels, { multiple } = model.size;
  for (const { value, name } of model.entries) fill.add(new Option(name, value, false, value === model.ground));
  if (!model.entries.some(({ value }) => value === model.ground)) fill.selectedIndex = 0;
  for (const [w, h] of PRESETS.filter(([w, h]) => w * h <= most)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${w} × ${h}`;
    button.addEventListener("click", () => { width.value = w; height.value = h; check(); });
    get("presets").append(button);
  }
  const check = () => {
    const pixels = width.value * height.value;
    const told = pixels > most ? `At most ${(most / 1e6).toFixed(1)} megapixels.` : "";
    height.setCustomValidity(told);
    get("new-hint").textContent = told || (multiple > 1 ? `Sides that are multiples of ${multiple} need no extension of the border.` : "");
  };
  width.addEventListener("input", check);
  height.addEventListener("input", check);
  get("new-cancel").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", () => make(Number(width.value), Number(height.value), Number(fill.value)));
  return (grid) => {
    width.value = grid.width;
    height.value = grid.height;
    check();
    dialog.showModal();
  };
}
