// What pages can do besides when scripts run. Every page works without them. A part of a page is given behaviour by
// its data attributes; nothing here writes markup from text.
"use strict";

// data-copy="ID": copies the text of that element.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const words = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Can't copy";
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}
