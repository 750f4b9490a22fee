/* one_key.c - preloaded into libspice: one RSA key for all links. */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * libspice makes an RSA key per link, which hides all else it does. With this
 * it pays for the first only. The key itself is shared: that is the strongest
 * opponent that can be had without changing libspice. With COPY_KEY every link
 * gets a copy, as the ten lines had it that the aims were set against: a copy
 * lacks what OpenSSL has computed for the key, and pays for that again.
 */
typedef EVP_PKEY *make_key(OSSL_LIB_CTX *, const char *, const char *, ...);

EVP_PKEY *EVP_PKEY_Q_keygen(OSSL_LIB_CTX *libctx, const char *propq,
			    const char *type, ...)
{
	/* The peer makes its links on one thread. */
	static EVP_PKEY *kept;
	make_key *make = NULL;
	void *symbol;
	va_list args;
	size_t bits;

	va_start(args, type);
	bits = va_arg(args, size_t);
	va_end(args);
	if (!kept) {
		symbol = dlsym(RTLD_NEXT, "EVP_PKEY_Q_keygen");
		memcpy(&make, &symbol, sizeof(make));
		if (!make || strcmp(type, "RSA") != 0)
			abort();
		kept = make(libctx, propq, type, bits);
	}
#ifdef COPY_KEY
	return kept ? EVP_PKEY_dup(kept) : NULL;
#else
	return kept && EVP_PKEY_up_ref(kept) ? kept : NULL;
#endif
}
