// The classes (or colours) that one paints with.

const KEYS = 9;
const MANY = 20;

/** Fills the list; `choose(value)` is called by clicks, arrows and the keys 1 to 9. */
export class Palette {
  constructor(model, list, filter, choose) {
    this.entries = model.entries;
    this.list = list;
    this.choose = choose;
    this.buttons = this.entries.map((entry, index) => this.#button(entry, index));
    list.append(...this.buttons);
    if (!model.label && model.kind === "image") list.append(this.#custom());
    filter.hidden = this.entries.length <= MANY;
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      this.buttons.forEach((button, index) => { button.hidden = !this.entries[index].name.toLowerCase().includes(wanted); });
    });
    list.addEventListener("keydown", (event) => this.#arrows(event));
  }

  #button({ value, name, colour }, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.dataset.value = value;
    button.title = index < KEYS ? `${name} (${index + 1})` : name;
    const swatch = document.createElement("i");
    swatch.style.background = colour;
    const label = document.createElement("span");
    label.textContent = name;
    const key = document.createElement("kbd");
    key.textContent = index < KEYS ? index + 1 : "";
    key.setAttribute("aria-hidden", "true");
    button.append(swatch, label, key);
    button.addEventListener("click", () => this.choose(value));
    return button;
  }

  #custom() {
    const label = document.createElement("label"), input = document.createElement("input");
    label.className = "custom";
    input.type = "color";
    input.addEventListener("input", () => this.choose(parseInt(input.value.slice(1), 16)));
    label.append(input, "another colour");
    return label;
  }

  #arrows(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const shown = this.buttons.filter((button) => !button.hidden);
    const at = shown.indexOf(document.activeElement);
    const next = shown[(at + step + shown.length) % shown.length];
    next?.focus();
    next?.click();
  }

  /** The value of a digit key, or undefined. */
  valueOf(key) { return /^[1-9]$/.test(key) ? this.entries[key - 1]?.value : undefined; }

  /** Marks what is chosen. */
  show(value) {
    this.buttons.forEach((button, index) => {
      const chosen = this.entries[index].value === value;
      button.setAttribute("aria-checked", chosen);
      button.tabIndex = chosen || (index === 0 && !this.entries.some((entry) => entry.value === value)) ? 0 : -1;
    });
  }
}
