// Sends what stdin says, a JSON array of nodemailer's own messages, over one pooled connection.
const nodemailer = require("nodemailer");

let given = "";
process.stdin.on("data", (piece) => (given += piece));
process.stdin.on("end", async () => {
  const { transport, messages } = JSON.parse(given);
  const mailer = nodemailer.createTransport({ ...transport, pool: true, maxConnections: 1 });
  const answers = [];
  for (const message of messages) {
    message.attachments = message.attachments.map((item) => ({
      ...item,
      content: Buffer.from(item.content, "base64"),
    }));
    answers.push((await mailer.sendMail(message)).response);
  }
  mailer.close();
  console.log(JSON.stringify(answers));
});
