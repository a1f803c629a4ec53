// Ask /ready for the health of the site and show it in the panel of the home page.
const list = document.querySelector("[data-ready]");
const note = document.querySelector("[data-note]");

// What to run for each state: on Heroku and, over plain HTTP, in development.
const commands = location.protocol === "http:" ? {
  "migrations failed": "python manage.py migrate",
} : {
  "database none": "heroku addons:create heroku-postgresql:essential-0",
  "database failed": "heroku pg:info",
  "migrations failed": "heroku run python manage.py release",
  "cache failed": "heroku logs --tail",
};

function row(name, state, command) {
  const div = document.createElement("div");
  div.dataset.state = state;
  const term = div.appendChild(document.createElement("dt"));
  term.textContent = name[0].toUpperCase() + name.slice(1);
  div.appendChild(document.createElement("dd")).textContent = state;
  if (command) {
    const fix = div.appendChild(document.createElement("dd"));
    fix.className = "fix";
    fix.appendChild(document.createElement("code")).textContent = command;
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
  const rows = Object.entries(states).map(([name, state]) => {
    const unknown = name !== "database" && states.database !== "ok";
    return row(name, state, !unknown && commands[`${name} ${state}`]);
  });
  list.replaceChildren(row("script", "ok"), ...rows);
  const time = new Date().toISOString().slice(11, 19);
  note.textContent = `Asked /ready at ${time} UTC; it is asked every ten seconds.`;
}

refresh();
setInterval(() => document.hidden || refresh(), 10_000);
