// Have every connection to ports 80 and 443 end at the ports of a router on this machine,
// so that a site under test can be scanned under its own name.
import net from "node:net";

const ports = { 80: process.env.HTTP_PORT, 443: process.env.HTTPS_PORT };
const { connect } = net.Socket.prototype;

net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (!ports[options.port]) throw new Error(`not for port ${options.port}`);
  Object.assign(options, { host: "127.0.0.1", port: ports[options.port] });
  return connect.apply(this, args);
};

// The scorer asks for Node 24, and needs no more of it than this.
Set.prototype.union ??= function (other) {
  return new Set([...this, ...other]);
};
