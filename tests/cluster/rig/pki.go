package main

// Certificates, keys and tokens of one cluster, made anew for each. The API server has a certificate of an authority of
// its own, so clients verify it as they would in real life; its clients have bearer tokens.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// makePKI fills dir with ca.{crt,key}, apiserver.{crt,key}, service-account.key and tokens.csv, and returns the tokens
// by user.
func makePKI(dir, nodeIP string) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "maibot test cluster"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost", nodeName, "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(nodeIP), net.ParseIP(apiServiceIP)},
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	accountKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return nil, err
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, authority, &serverKey.PublicKey, authorityKey)
	if err != nil {
		return nil, err
	}
	for name, der := range map[string][]byte{"ca.crt": authorityDER, "apiserver.crt": serverDER} {
		if err := writePEM(filepath.Join(dir, name), "CERTIFICATE", der); err != nil {
			return nil, err
		}
	}
	for name, key := range map[string]crypto.PrivateKey{
		"ca.key": authorityKey, "apiserver.key": serverKey, "service-account.key": accountKey,
	} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		if err := writePEM(filepath.Join(dir, name), "PRIVATE KEY", der); err != nil {
			return nil, err
		}
	}

	// A line of the token file: token, user name, user id, groups.
	tokens, lines := map[string]string{}, ""
	for _, name := range slices.Sorted(maps.Keys(apiUsers)) {
		var token [16]byte
		if _, err := rand.Read(token[:]); err != nil {
			return nil, err
		}
		tokens[name] = hex.EncodeToString(token[:])
		fields := []string{tokens[name], apiUsers[name].user, name}
		if group := apiUsers[name].group; group != "" {
			fields = append(fields, fmt.Sprintf("%q", group))
		}
		lines += strings.Join(fields, ",") + "\n"
	}
	return tokens, os.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(lines), 0o600)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
