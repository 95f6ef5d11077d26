"use strict";
// Shows openapi.json, which lies beside this page, whatever a proxy has before both.

async function load(address) {
  const reply = await fetch(address);
  if (reply.status !== 401) {
    return reply.json();
  }
  // The document needs a key where predictions do. It is asked for, and kept nowhere.
  const key = prompt("API key of this service");
  return (await fetch(address, key ? { headers: { Authorization: `Bearer ${key}` } } : {})).json();
}

function text(message) {
  document.getElementById("swagger-ui").textContent = message;
}

async function show() {
  const place = document.getElementById("swagger-ui").dataset.document;
  const address = new URL(place, document.baseURI);
  const spec = await load(address);
  if (!spec.openapi) {
    text(spec.detail || "The document of this service cannot be read.");
    return;
  }
  // Requests go where the page came from, also where nobody has told the service its prefix.
  spec.servers = [{ url: address.pathname.replace(/\/openapi\.json$/, "") || "/" }];
  SwaggerUIBundle({
    spec,
    dom_id: "#swagger-ui",
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
    layout: "BaseLayout",
    validatorUrl: null,
  });
}

show().catch(() => text("The service does not answer."));
