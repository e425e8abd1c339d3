// Sends a dropped, pasted or chosen picture, and shows who is on it.
"use strict";

(() => {
  const place = document.getElementById("drop");
  const result = document.getElementById("matches");
  let shown = null;

  async function compare(file) {
    result.setAttribute("aria-busy", "true");
    result.innerHTML = '<p class="hint waiting">Looking…</p>';
    if (shown) URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(file);
    try {
      const answer = await fetch("/compare", {
        method: "POST", body: file,
        headers: { "X-Caststream": "page", "Content-Type": "application/octet-stream" },
      });
      const text = await answer.text();
      if (answer.ok) {
        result.innerHTML = text;
        result.querySelector("[data-preview]").setAttribute("href", shown);
      } else {
        const said = answer.status === 413 ? text
          : new DOMParser().parseFromString(text, "text/html").body.textContent;
        result.innerHTML = '<p class="wrong" role="alert"></p>';
        result.firstChild.textContent = said.trim();
      }
    } catch {
      result.innerHTML = '<p class="wrong" role="alert">caststream does not answer.</p>';
    }
    result.removeAttribute("aria-busy");
  }

  place.addEventListener("change", (event) => {
    if (event.target.files[0]) compare(event.target.files[0]);
    event.target.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      place.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) place.classList.remove("over"); });
  addEventListener("drop", (event) => {
    place.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    compare(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file) compare(file);
  });
})();
