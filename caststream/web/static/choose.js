// Choosing cards and tracks: counting, ranges with Shift, and a card that is dragged on another.
"use strict";

(() => {
  const boxes = () => [...document.querySelectorAll('input[form="selection"][type=checkbox]')];
  let last = null;

  const recount = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    for (const place of document.querySelectorAll("[data-chosen]")) place.textContent = chosen;
  };

  document.addEventListener("click", (event) => {
    const box = event.target.closest('input[form="selection"][type=checkbox]');
    if (!box) return;
    const all = boxes();
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const between of all.slice(from, to + 1)) between.checked = box.checked;
    }
    last = box;
    recount();
  });
  document.addEventListener("reset", () => setTimeout(recount));
  document.addEventListener("htmx:after:swap", recount);
  document.addEventListener("htmx:after:request", (event) => {
    const form = event.target.closest?.("#selection");
    const status = event.detail.ctx.response?.raw?.status ?? event.detail.ctx.response?.status;
    if (form && status === 200) { form.reset(); recount(); }
  });

  // --- dragging ---

  const cardOf = (event) => event.target.closest?.(".card");
  let dragged = null;

  document.addEventListener("dragstart", (event) => {
    dragged = cardOf(event);
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.character);
    dragged.classList.add("dragged");
  });
  document.addEventListener("dragover", (event) => {
    const card = cardOf(event);
    if (!dragged || !card || card === dragged) return;
    event.preventDefault();
    card.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    const card = cardOf(event);
    if (card && !card.contains(event.relatedTarget)) card.classList.remove("over");
  });
  document.addEventListener("dragend", () => {
    for (const card of document.querySelectorAll(".card")) card.classList.remove("over", "dragged");
    dragged = null;
  });
  document.addEventListener("drop", (event) => {
    const card = cardOf(event);
    if (!dragged || !card || card === dragged) return;
    event.preventDefault();
    htmx.ajax("POST", "/acts/merge", {
      source: card,
      swap: "none",
      values: { character: dragged.dataset.character, into: card.dataset.character },
    });
  });
})();
