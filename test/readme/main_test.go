package main

func Example() {
	main()
	// Output:
	// Failed: 1 of 2 items failed
	// at member f5fa104e-c0e3-4747-9182-d342dc048a9e: Failed to write. Status code: Forbidden.
}
