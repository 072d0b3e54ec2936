// Keys that hold everywhere but in fields.
import { TOOLS } from "./tools.js";

/** Calls `actions[name]()` for keys, `tool(name)` for tools, and `digit(key)` for 1 to 9. */
export function listenToKeys({ actions, tool, digit }) {
  const tools = Object.fromEntries(TOOLS.map(([name, , key]) => [key, name]));
  const names = { n: "new", o: "open", s: "save", x: "dice", "[": "smaller", "]": "larger", "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", 0: "zoomFit" };
  addEventListener("keydown", (event) => {
    if (event.target.closest?.("input:not([type=range]):not([type=radio]), select, dialog")) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      return actions[key === "y" || event.shiftKey ? "redo" : "undo"]();
    }
    if (event.altKey) return;
    if (tools[key]) tool(tools[key]);
    else if (names[key]) actions[names[key]]();
    else if (/^[1-9]$/.test(key)) digit(key);
    else return;
    event.preventDefault();
  });
}
