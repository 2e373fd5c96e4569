// Package autodiscover finds the EWS endpoint of a mailbox by its address, as Outlook does. Who knows the endpoint does not need it: that of
// Exchange Online is ews.EndpointWorldwide and its kin.
//
//	found, err := autodiscover.Find(ctx, "help@example.com", &autodiscover.Options{Token: source})
//	if err != nil {
//		return err // names every step that was tried and how it failed
//	}
//	client, err := ews.NewClient(ews.Config{Endpoint: found.Endpoint, Token: source})
//
// # Steps
//
// One after the other, until one answers: Autodiscover v2 (JSON, without authentication), and with a token SOAP (GetUserSettings) and
// POX (XML), at autodiscover.DOMAIN; v2 at DOMAIN; the place that http://autodiscover.DOMAIN redirects to; the place that the SRV
// record _autodiscover._tcp.DOMAIN names; and v2 at Exchange Online. The service connection point of Active Directory is not asked.
//
// # Whom it believes
//
// A server is believed when its certificate proves that it is autodiscover.DOMAIN, DOMAIN or Microsoft's, and so is where such a server
// leads to. Plain DNS and plain HTTP prove nothing: what they name is believed if it belongs to the address's domain or to Microsoft, or
// if [Options].Approve says so. The token is sent to hosts below the address's domain, to Microsoft's, and to those that Approve names,
// never on from there by a redirect, and never to the domain's bare name, which often is some web host's.
package autodiscover
