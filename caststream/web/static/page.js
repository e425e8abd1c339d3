// What every view shares: our header on each request, news from the store, keys, toasts, the dialog.
"use strict";

(() => {
  const typing = (element) =>
    element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

  // --- requests ---

  const statusOf = (event) =>
    event.detail.ctx.response?.raw?.status ?? event.detail.ctx.response?.status;

  document.addEventListener("htmx:config:request", (event) => {
    event.detail.ctx.request.headers["X-Caststream"] = "page";
  });
  function complain(text) {
    const toast = document.createElement("div");
    toast.className = "toast wrong stays";
    toast.setAttribute("role", "alert");
    toast.textContent = text;
    document.getElementById("toasts").replaceChildren(toast);
  }
  document.addEventListener("htmx:error", () => complain("caststream does not answer. Is it still running?"));
  document.addEventListener("htmx:after:request", (event) => {
    if (statusOf(event) === 401) complain("caststream was started anew. Open the address that it printed.");
  });

  // A view that was put in place anew keeps what somebody is typing, and nothing else.
  document.addEventListener("htmx:after:swap", () => {
    for (const input of document.querySelectorAll("input.name")) {
      if (input !== document.activeElement) input.value = input.defaultValue;
    }
    tidy();
  });

  // --- news ---

  const known = () => Number(document.getElementById("page").dataset.changes);
  const news = new EventSource(document.querySelector("[data-live]") ? "/events?live" : "/events");
  news.addEventListener("changed", (event) => {
    // Another number is news, a smaller one too: who starts anew counts from the beginning.
    if (Number(event.data) !== known()) htmx.trigger(document.body, "changed");
  });
  news.addEventListener("live", () => htmx.trigger(document.body, "live"));
  news.addEventListener("bye", () => news.close());
  addEventListener("pagehide", () => news.close());

  // --- toasts ---

  function tidy() {
    for (const toast of document.querySelectorAll(".toast:not([data-seen])")) {
      toast.dataset.seen = "";
      if (toast.classList.contains("stays")) continue;
      const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
      setTimeout(leave, 8000);
    }
  }

  // --- keys ---

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) {
      event.target.value = event.target.defaultValue;
      event.target.blur();
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) { event.preventDefault(); search.select(); }
      return;
    }
    const dialog = document.querySelector("dialog[open]");
    const keyed = event.key === "u" && !dialog
      ? document.getElementById("undo")
      : (dialog || document).querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (keyed && !keyed.disabled) { event.preventDefault(); keyed.click(); }
  });

  // After a name the next one without a name is due.
  document.addEventListener("htmx:after:request", (event) => {
    const form = event.target.closest?.(".naming");
    if (!form || !form.closest(".cards") || statusOf(event) !== 200) return;
    const all = [...document.querySelectorAll(".cards input.name")];
    const next = all.slice(all.indexOf(form.elements.name) + 1).find((input) => !input.value);
    if (next) next.focus(); else document.activeElement.blur();
  });

  // --- the dialog ---

  document.querySelector(".shot.focus")?.scrollIntoView({ inline: "start", block: "nearest" });

  document.addEventListener("htmx:after:swap", () => {
    const dialog = document.getElementById("dialog");
    if (dialog.childElementCount && !dialog.open) dialog.showModal();
  });
  document.addEventListener("click", (event) => {
    const dialog = document.getElementById("dialog");
    const shown = event.target.closest("a[data-frame]");
    if (shown && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      htmx.ajax("GET", shown.getAttribute("href"), { target: "#dialog", swap: "innerHTML" });
      return;
    }
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
  document.getElementById("dialog").addEventListener("close", (event) => event.target.replaceChildren());
})();
