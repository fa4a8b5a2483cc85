package seal_test

import (
	"fmt"

	"martlet/push/seal"
)

func Example() {
	// The app, on its device: the public half is registered.
	private, public, err := seal.GenerateKey()
	if err != nil {
		panic(err)
	}

	// The server.
	envelope, err := seal.Seal(public, nil, &seal.Content{Sender: "Ada", Subject: "Lunch?", Preview: "At noon"})
	if err != nil {
		panic(err)
	}

	// The app again, when it is woken.
	content, err := seal.Open(private, nil, envelope)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s: %s (%s), in %d bytes\n", content.Sender, content.Subject, content.Preview, len(envelope))
	// Output: Ada: Lunch? (At noon), in 1073 bytes
}
