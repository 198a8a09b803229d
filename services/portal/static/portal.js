// What a page does beside its forms, all of which work without it.
"use strict";
document.addEventListener("submit", (event) => {
  // A form that was sent is not sent again by a second click; its id would make it one act all the same.
  const buttons = event.target.querySelectorAll("button[type=submit]");
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; }), 0);
  setTimeout(() => buttons.forEach((button) => { button.disabled = false; }), 4000);
});
// A list that is drawn anew is read from its beginning. Another page than what was asked for (to sign in, of an error) has
// the window.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const said = detail.xhr.responseText;
  const isList = detail.target.id === "list";
  if (isList ? said.includes('<div id="list"') : !/^\s*<!doctype/i.test(said)) return;
  detail.shouldSwap = false;
  if (isList) location.assign(detail.pathInfo.finalRequestPath);
  else location.reload();
});
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const list = document.getElementById("list");
  if (!list || detail.requestConfig.elt.id === "f-q") return;
  list.focus({ preventScroll: true });
  list.scrollIntoView({ block: "start" });
});
// A large file is sent in sight: how much of it has gone, then the page that answers.
const IN_SIGHT = 500000; // bytes
document.addEventListener("submit", (event) => {
  const form = event.target, bar = form.querySelector("progress[data-sent]"), file = form.querySelector("input[type=file]");
  if (!bar || !file || !file.files.length || file.files[0].size < IN_SIGHT) return;
  event.preventDefault();
  const request = new XMLHttpRequest();
  bar.hidden = false;
  request.upload.addEventListener("progress", (sent) => { bar.value = 100 * sent.loaded / sent.total; });
  request.addEventListener("load", () => {
    if (request.status < 300) return location.assign(request.responseURL);
    document.open();
    document.write(request.responseText);
    document.close();
  });
  request.addEventListener("error", () => { bar.hidden = true; form.submit(); });
  request.open("POST", form.getAttribute("action") || location.href); // a field may be called "action"
  request.send(new FormData(form, event.submitter));
});
// Passkeys: the browser asks the authenticator, and its answer goes with the form.
if (window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const isNew = form.dataset.passkey === "create", options = JSON.parse(form.dataset.options);
      try {
        const credential = isNew
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
        form.elements.answer.value = JSON.stringify(credential.toJSON());
        form.submit();
      } catch {
        form.querySelector("[data-failed]").hidden = false;
      }
    });
  });
}
