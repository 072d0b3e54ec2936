// Light or dark: as the system has it, until one is chosen.

const KEY = "asap-theme";

/** Follows a button. */
export function themeButton(button) {
  const root = document.documentElement;
  const stored = read();
  if (stored) root.dataset.theme = stored;
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem(KEY, root.dataset.theme);
    } catch { /* a browser that keeps nothing */ }
  });
}

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
