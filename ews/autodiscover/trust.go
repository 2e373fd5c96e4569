package autodiscover

import "strings"

// microsoft are the hosts of Exchange Online in its clouds, and domains below which only Microsoft can have certificates.
var microsoft = map[string]bool{
	"autodiscover-s.outlook.com": true, "autodiscover.outlook.com": true, "outlook.office365.com": true, "outlook.office.com": true,
	"autodiscover-s.office365.us": true, "outlook.office365.us": true,
	"autodiscover-s-dod.office365.us": true, "outlook-dod.office365.us": true,
	"autodiscover.partner.outlook.cn": true, "partner.outlook.cn": true,
}

func isMicrosoft(host string) bool {
	return microsoft[host] || strings.HasSuffix(host, ".onmicrosoft.com") || strings.HasSuffix(host, ".onmicrosoft.us") || strings.HasSuffix(host, ".partner.onmschina.cn")
}

// believes reports whether a host that only plain DNS or HTTP named may be asked.
func (f *finder) believes(host string) bool {
	return below(host, f.original) || host == f.original || isMicrosoft(host) || f.approved(host)
}

// mayHaveToken reports whether the token may be sent to a host.
func (f *finder) mayHaveToken(host string) bool {
	return below(host, f.original) || isMicrosoft(host) || f.approved(host)
}

func (f *finder) approved(host string) bool { return f.o.Approve != nil && f.o.Approve(host) }

func below(host, domain string) bool { return strings.HasSuffix(host, "."+domain) }
