// Sends the mail that every client in the tests sends. Arguments: port, key, image, file.
const nodemailer = require('nodemailer');
const [port, key, image, file] = process.argv.slice(2);

nodemailer
  .createTransport({ host: '127.0.0.1', port, auth: { user: 'any', pass: key } })
  .sendMail({
    from: 'Müller <shop@example.com>',
    to: 'Ann <ann@example.org>, Bøb <bob@example.net>',
    bcc: 'hidden@example.org',
    subject: 'Größe 10 €',
    text: 'Grüße',
    html: '<p>Grüße <a href="https://example.com/?a=1&amp;b=2">Link</a><img src="cid:logo"></p>',
    attachments: [
      { path: image, cid: 'logo', filename: 'logo.png' },
      { path: file, filename: 'Rechnung ä.pdf' },
    ],
  })
  .then((sent) => console.log(sent.response));
