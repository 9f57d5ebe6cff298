"""Newsletters of many makes: each a body, and where its links lead that are to be tracked, in order."""

# ruff: noqa: E501 - a piece of a newsletter is one literal, however long

from __future__ import annotations

from random import Random

#: A piece of a newsletter, and the targets of its links.
Block = tuple[str, tuple[str, ...]]

_BLOCKS: list[Block] = [
    ("<p>Hello, nothing to follow here.</p>\n", ()),
    ('<p>Read <a href="https://blog.example/2026/10/notes">our notes</a>.</p>', ("https://blog.example/2026/10/notes",)),
    (
        '<td align="center"><a class="btn" style="color:#fff;background:#0a7" target="_blank" '
        'href="https://shop.example/sale?utm_source=mail&amp;utm_medium=email&amp;utm_campaign=autumn%20sale#top">'
        "<strong>Shop&nbsp;now</strong></a></td>",
        ("https://shop.example/sale?utm_source=mail&utm_medium=email&utm_campaign=autumn%20sale#top",),
    ),
    # not escaped as HTML asks, which everybody does: names of entities that are names of parameters
    (
        "<A HREF='http://old.example/page.asp?id=7&copy=2&reg=eu&section=b&times=3&lang=de'>Uppercase</A>",
        ("http://old.example/page.asp?id=7&copy=2&reg=eu&section=b&times=3&lang=de",),
    ),
    ("<a href=https://plain.example/unquoted?a=b&c=d title=it's>no quotes</a>", ("https://plain.example/unquoted?a=b&c=d",)),
    (
        "<a\n   title='5 > 4 \"really\"'\n   href = \"https://shop.example/compare?a=5&gt=4\"\n>spread over lines</a>",
        ("https://shop.example/compare?a=5&gt=4",),
    ),
    (
        '<img src="https://cdn.example/banner.png" usemap="#top" alt="&lt;a href=&quot;https://no.example/&quot;&gt;">'
        '<map name="top"><area shape="rect" coords="0,0,300,120" href="https://shop.example/left" alt="Left">'
        '<area shape=default href="https://shop.example/right"/></map>',
        ("https://shop.example/left", "https://shop.example/right"),
    ),
    ('<img alt=\'<a href="https://no.example/in-alt">\' src="https://cdn.example/x.gif">', ()),
    (
        '<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" href="https://vml.example/" arcsize="8%">'
        '<a href="https://outlook.example/buy">Buy</a></v:roundrect><![endif]-->'
        '<!--[if !mso]><!--><a href="https://others.example/buy">Buy</a><!--<![endif]-->',
        ("https://outlook.example/buy", "https://others.example/buy"),
    ),
    ('<!-- <a href="https://no.example/commented-out">gone</a> -->\n<!----><!-- a > b -->', ()),
    ('<style type="text/css">a[href^="https://no.example"]{color:red} /* <a href="https://no.example/"> */</style>', ()),
    ('<script>document.write(\'<a href="https://no.example/js">x</a>\')</script>', ()),
    ('<a href="mailto:help@shop.example?subject=Hi%20there">write</a> or <a href="tel:+4930123456">call</a>', ()),
    ('<a name="top"></a><a href="#top">up</a><a href="/relative">r</a><a href="//host.example/x">s</a><a href="">e</a>', ()),
    ('<a data-no-track href="https://no.example/reset?token=abc">Reset your password</a>', ()),
    ('<a href="https://no.example/after" data-no-track="1">also marked</a>', ()),
    ('<a href="{{unsubscribe_url}}">Unsubscribe</a> <a href="{{ unsubscribe_url }}?x">or here</a>', ()),
    (
        '<a href="https://shop.example/u?e={{email}}&amp;n={{ first_name | you }}">for {{first_name|you}}</a>',
        ("https://shop.example/u?e={{email}}&n={{ first_name | you }}",),
    ),
    ("<a href='{{metadata.cta_url|https://shop.example/default}}'>x</a>", ("{{metadata.cta_url|https://shop.example/default}}",)),
    ('{{metadata.note|<a href="https://no.example/in-a-default">}}', ()),
    ('<a href="javascript:alert(1)">x</a><a href="data:text/html,hi">y</a><a href="ftp://files.example/z">z</a>', ()),
    ('<a href="  https://spaces.example/ends\n ">x</a>', ("https://spaces.example/ends",)),
    ('<a href="https://lines.example/very/\n      long/path">x</a>', ("https://lines.example/very/%20%20%20%20%20%20long/path",)),
    ('<a href="https://b&uuml;cher.example/stra&#223;e?q=k&auml;se">Bücher</a>', ("https://xn--bcher-kva.example/stra%C3%9Fe?q=k%C3%A4se",)),
    ('<a href="https://пример.example/тест#якорь">Пример</a>', ("https://xn--e1afmkfd.example/%D1%82%D0%B5%D1%81%D1%82#%D1%8F%D0%BA%D0%BE%D1%80%D1%8C",)),
    (
        '<a href="https://q.example/?redirect=https%3A%2F%2Fa.example%2F%3Fb%3Dc%26d&amp;list[]=1&amp;list[]=2;x&#38;y=%zz">x</a>',
        ("https://q.example/?redirect=https%3A%2F%2Fa.example%2F%3Fb%3Dc%26d&list[]=1&list[]=2;x&y=%zz",),
    ),
    ('<a href="https://spa.example/#/orders/7?tab=a|b">app</a>', ("https://spa.example/#/orders/7?tab=a|b",)),
    ('<a href="HTTPS://Case.Example:8443/Path">case</a>', ("HTTPS://Case.Example:8443/Path",)),
    ('<a href="https://user:pa%40ss@intra.example/">login in it</a>', ("https://user:pa%40ss@intra.example/",)),
    ('<a href="https://[2001:db8::1]:8080/x">six</a>', ("https://[2001:db8::1]:8080/x",)),
    ('<a href="https://one.example/" href="https://no.example/second">twice</a>', ("https://one.example/",)),
    ('<link rel="stylesheet" href="https://no.example/a.css"><base href="https://no.example/"><abbr href="https://no.example/">x</abbr>', ()),
    ('<svg viewBox="0 0 8 8"><a href="https://svg.example/x"><path d="M0 0h8v8z"/></a></svg>', ("https://svg.example/x",)),
    ('<a/href="https://slash.example/"/>odd</a>', ("https://slash.example/",)),
    ("<p>5 < 6, a <b, x<y and <3 &amp; <> </> <!doctype> <?xml version='1'?> </p>", ()),
    ('<textarea><a href="https://no.example/textarea"></textarea><title><a href="https://no.example/t"></title>', ()),
    ('<noscript><a href="https://noscript.example/">mail clients run no scripts</a></noscript>', ("https://noscript.example/",)),
    ('<p dir="rtl" lang="ar">مرحبا <a href="https://ar.example/عرض">عرض</a> 🎉</p>', ("https://ar.example/%D8%B9%D8%B1%D8%B6",)),
    ('<a href="https://mail.example/api/unsub/AbC">ours</a><a href="https://mail.example/api/t/c/AbC">tracked before</a>', ()),
    ("<a href=\"https://quote.example/it's\">a</a><a href='https://quote.example/&quot;x&quot;'>b</a>", ("https://quote.example/it's", 'https://quote.example/"x"')),
    ("<a href>empty</a><a href=>none</a><a>bare</a><a onclick=\"go('https://no.example/')\">x</a>", ()),
]  # fmt: skip

_SHELLS = [
    "{}",
    "<html><body>{}</body></html>",
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\r\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:o="urn:schemas-microsoft-com:office:office">\r\n<head>\r\n'
    '<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />\r\n<!--[if gte mso 9]><xml><o:OfficeDocumentSettings>'
    "<o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml><![endif]-->\r\n<title>News > all</title></head>\r\n"
    '<body style="margin:0">\r\n<div style="display:none;max-height:0">Preheader &zwnj;&nbsp;&zwnj;</div>\r\n{}\r\n</body>\r\n</html>\r\n',
    '<!doctype html><html lang=de><head><meta charset=utf-8><style>@media (max-width:600px){{a{{color:red}}}}</style></head>'
    '<BODY BGCOLOR=#ffffff><table role="presentation" width="100%"><tr><td>{}</td></tr></table></BODY></HTML>',
    "<div>{}</div></body><!-- </body> --></html>\n<!-- sent with love </body> -->",
]  # fmt: skip


def newsletters(how_many: int) -> list[tuple[str, list[str]]]:
    """Bodies, and the targets of each in order; the first ones have every block at least once."""
    chance = Random(8)
    made = []
    for number in range(how_many):
        blocks = [_BLOCKS[number % len(_BLOCKS)], *chance.sample(_BLOCKS, chance.randint(0, 14))]
        body = chance.choice(["", "\n", "\r\n  ", "<hr/>"]).join(html for html, _ in blocks)
        shell = _SHELLS[number % len(_SHELLS)].replace("{{", "{").replace("}}", "}").split("{}")
        made.append((shell[0] + body + shell[1], [target for _, targets in blocks for target in targets]))
    return made
