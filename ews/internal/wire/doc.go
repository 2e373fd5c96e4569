// Package wire is the lowest floor of the EWS client: a streaming XML reader and a request writer that know SOAP and
// the three EWS namespaces, and nothing of HTTP, retries or mail.
//
// Reading is done by [Scanner], a pull parser over a fixed window. It exists because encoding/xml gathers every text
// node whole (a 150 MB attachment costs it a gigabyte), rejects the characters that Exchange really sends
// (&#x1F; and raw controls), and is several times slower. Scanner resolves namespaces, matches end tags, checks UTF-8,
// bounds everything a server can make long, and hands long texts out as readers.
//
// Writing is done by [Writer], which appends escaped XML to memory and keeps large contents as segments that are opened
// and base64-encoded while the request is being sent, so that a request of any size has a known length, can be sent again
// and never stands in memory.
package wire
