// Passkeys (Web Authentication Level 3), answers that are sent by a form, copying, and the way on after a sign-out. Everything
// else on these pages works without a script.
(() => {
  'use strict';
  const all = (selector) => document.querySelectorAll(selector);

  const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0)).buffer;
  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

  // parse makes the options of JSON what the browser wants: by itself where it can.
  const parse = (kind, options) => {
    const own = kind === 'get' ? 'parseRequestOptionsFromJSON' : 'parseCreationOptionsFromJSON';
    if (PublicKeyCredential[own]) return PublicKeyCredential[own](options);
    const credential = (c) => ({...c, id: decode(c.id)});
    const parsed = {...options, challenge: decode(options.challenge)};
    if (options.user) parsed.user = {...options.user, id: decode(options.user.id)};
    for (const list of ['allowCredentials', 'excludeCredentials']) {
      if (options[list]) parsed[list] = options[list].map(credential);
    }
    return parsed;
  };

  // format is the way back (RegistrationResponseJSON, AuthenticationResponseJSON).
  const format = (credential) => {
    if (credential.toJSON) {
      try { return credential.toJSON(); } catch { /* some password managers put an object in its place that cannot */ }
    }
    const response = {};
    for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (credential.response[name]) response[name] = encode(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id, rawId: encode(credential.rawId), type: credential.type, response,
      authenticatorAttachment: credential.authenticatorAttachment || undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
    };
  };

  for (const form of all('form[data-passkey]')) {
    const {passkey: kind, options} = form.dataset;
    const button = form.querySelector('button');
    const status = form.querySelector('[data-status]');
    if (!window.PublicKeyCredential) {
      status.textContent = status.dataset.unsupported || ''; // said where a passkey is the way, not where it is one of several
      continue;
    }
    const given = JSON.parse(options);
    const publicKey = given.publicKey || given;
    let waiting;

    const ask = async (mediation) => {
      if (waiting) waiting.abort();
      const mine = waiting = new AbortController();
      const request = {publicKey: parse(kind, publicKey), signal: mine.signal};
      if (mediation) request.mediation = mediation;
      const credential = await navigator.credentials[kind](request);
      form.elements.response.value = JSON.stringify(format(credential));
      HTMLFormElement.prototype.submit.call(form);
    };

    // offer shows passkeys among what the browser fills in, beside saved passwords.
    const offer = async () => {
      const can = PublicKeyCredential.isConditionalMediationAvailable;
      if (kind !== 'get' || !document.querySelector('[autocomplete~=webauthn]') || !can || !await can.call(PublicKeyCredential)) return;
      await ask('conditional').catch(() => { /* the button is still there */ });
    };

    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      status.textContent = '';
      button.disabled = true;
      try {
        await ask();
      } catch {
        status.textContent = status.dataset.cancelled;
        button.disabled = false;
        offer();
      }
    });
    button.hidden = false;
    for (const e of all('[data-needs-script]')) e.hidden = false;
    offer();
  }

  for (const button of all('[data-copy]')) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done;
    });
  }

  for (const form of all('form[data-send]')) HTMLFormElement.prototype.submit.call(form); // a field may be called submit

  for (const link of all('[data-after-frames]')) {
    const frames = [...all('iframe')].map((f) => new Promise((done) => { f.addEventListener('load', done); }));
    const patience = new Promise((done) => { setTimeout(done, 4000); });
    Promise.race([Promise.all(frames), patience]).then(() => { location.replace(link.href); });
  }
})();
