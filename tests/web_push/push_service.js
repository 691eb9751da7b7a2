// web-push-testing behind TLS, on loopback. Reads certificate and key (PEM) as one file named by the first argument, says
// on which port it listens, and ends with its standard input.
const fs = require('node:fs');
const https = require('node:https');
const Service = require('web-push-testing/src/server.js');
const {PushApiModel} = require('web-push-testing/src/PushApiModel.js');

const pem = fs.readFileSync(process.argv[2]);
const model = new PushApiModel();
const service = new Service(model, 0);
service.setRequestHandlers();
const server = https.createServer({key: pem, cert: pem}, service._app);
server.listen(0, '127.0.0.1', () => {
	const {port} = server.address();
	model.notifyUrl = `https://localhost:${port}/notify/`;
	console.log(port);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
