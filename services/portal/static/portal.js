// What a page does beside its forms, all of which work without it.
"use strict";
document.addEventListener("submit", (event) => {
  // A form that was sent is not sent again by a second click; its id would make it one act all the same.
  const buttons = event.target.querySelectorAll("button[type=submit]");
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; }), 0);
  setTimeout(() => buttons.forEach((button) => { button.disabled = false; }), 4000);
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
