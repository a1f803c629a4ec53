// Ask /ready how the site is, and say so in the panel of the first page.
const list = document.querySelector("[data-ready]");
const note = document.querySelector("[data-note]");

const commands = {
  database: "heroku addons:create heroku-postgresql:essential-0",
  migrations: "python manage.py migrate",
};

function row(name, state) {
  const div = document.createElement("div");
  div.dataset.state = state;
  const term = div.appendChild(document.createElement("dt"));
  term.textContent = name[0].toUpperCase() + name.slice(1);
  div.appendChild(document.createElement("dd")).textContent = state;
  if (state !== "ok" && commands[name]) {
    div.appendChild(document.createElement("code")).textContent = commands[name];
  }
  return div;
}

async function refresh() {
  let states;
  try {
    const response = await fetch(list.dataset.ready, { cache: "no-store" });
    states = await response.json();
  } catch {
    states = { server: "away" };
  }
  list.replaceChildren(row("script", "ok"), ...Object.entries(states).map(([name, state]) => row(name, state)));
  list.dataset.asked = new Date().toISOString();
  note.textContent = `Asked of /ready at ${new Date().toLocaleTimeString()}, and again every ten seconds.`;
}

refresh();
setInterval(() => document.hidden || refresh(), 10_000);
