package azcredential_test

import (
	"context"
	"fmt"
	"log"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/ewsmail/ewsmail/azureoauth/azcredential"
)

// Managed identity, workload identity, environment: whatever azidentity finds.
func ExampleNew() {
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	src := azcredential.New(cred, nil) // give it to ews.Config, and impersonate a mailbox
	tok, err := src.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid until", tok.Expiry)
}
