// Side by side, or one over the other with a divider between them.

/** Follows the choice of the view and the divider. */
export function splitView(view, stages, divider, radios) {
  let share = 0.5;
  const place = () => {
    const split = stages.dataset.view === "split";
    divider.hidden = !split;
    view.split = split ? share : null;
    divider.style.left = `${100 * share}%`;
    divider.setAttribute("aria-valuenow", Math.round(100 * share));
    view.draw();
  };
  const set = (value) => {
    share = Math.min(1, Math.max(0, value));
    place();
  };
  for (const radio of radios) {
    radio.addEventListener("change", () => {
      stages.dataset.view = radio.value;
      view.resized();
      place();
    });
  }
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const frame = divider.parentElement.getBoundingClientRect();
    set((event.clientX - frame.left) / frame.width);
  });
  divider.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    set(share + step);
  });
  if (matchMedia("(max-width: 560px)").matches) radios[1].checked = true; // canvas and tools on one screen
  stages.dataset.view = [...radios].find((radio) => radio.checked).value;
  place();
}
