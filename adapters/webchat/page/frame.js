// When the page stands in the widget's frame: what it tells the shop's site, and what it is told.

export const embedded = window.parent !== window && new URLSearchParams(location.search).has("widget");

let shown = !embedded;

/** Is the chat in view: the tab is looked at, and the widget is open. */
export function inView() {
  return shown && !document.hidden;
}

/** Nothing secret is ever sent, so every site that may frame us may hear it. */
export function tellSite(message) {
  if (embedded) window.parent.postMessage({ from: "kefu-chat", ...message }, "*");
}

export function onShown(react) {
  addEventListener("message", (event) => {
    if (!embedded || event.source !== window.parent || event.data?.from !== "kefu-site") return;
    shown = event.data.shown === true;
    if (shown) react(event.data.focus === true);
  });
  document.addEventListener("visibilitychange", () => inView() && react(false));
}
