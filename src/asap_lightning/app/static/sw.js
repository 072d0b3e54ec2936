// For the page without a server: keeps its files for the time without network, and isolates the page from
// others, which is what browsers ask for before they give it threads.

const VERSION = "development";
const CACHE = `asap-painter-${VERSION}`;
const TYPES = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm", svg: "image/svg+xml" };

addEventListener("install", () => skipWaiting());

addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) {
    if (name.startsWith("asap-painter-") && name !== CACHE) await caches.delete(name);
  }
  await clients.claim();
})()));

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === location.origin) event.respondWith(answer(request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return isolated(kept, request);
  const fetched = await fetch(request);
  if (fetched.ok && fetched.status === 200) await cache.put(request, fetched.clone());
  return isolated(fetched, request);
}

function isolated(response, request) {
  if (!response.ok || response.redirected) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  const type = TYPES[new URL(request.url).pathname.split(".").pop()];
  if (type) headers.set("Content-Type", type); // some hosts do not know modules
  return new Response(response.body, { status: response.status, headers });
}
