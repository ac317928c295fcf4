#include "eal/doorbell.h"

#include "eal/io.h"

#include <poll.h>
#include <unistd.h>

void eventfd_notify(int fd)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};
	uint64_t one = 1;

	/* The other side shares the file description and can clear O_NONBLOCK, so poll first. */
	if (fd < 0 || poll(&writable, 1, 0) != 1)
		return;
	if (write(fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		return; /* the peer is going; the control plane hears of it on the socket */
}

static void write_value(const struct doorbell *bell)
{
	if (pwrite(bell->fd, &bell->value, sizeof(bell->value), (off_t)bell->where) < 0)
		return; /* the device is gone, and its files with it */
}

void doorbell_set(struct doorbell *bell, const struct doorbell *to)
{
	store_release(&bell->kind, (uint32_t)DOORBELL_NONE);
	if (to->kind == DOORBELL_NONE)
		return;
	full_fence(); /* that is seen before the new one's fields */
	bell->fd = to->fd;
	bell->where = to->where;
	bell->port = to->port;
	bell->value = to->value;
	/* pairs with the acquire in doorbell_ring */
	store_release(&bell->kind, to->kind);
}

void doorbell_ring(const struct doorbell *bell)
{
	switch (load_acquire(&bell->kind)) {
	case DOORBELL_EVENTFD:
		eventfd_notify(bell->fd);
		break;
	case DOORBELL_STORE:
		io_write_barrier();
		io_store((void *)(uintptr_t)bell->where, sizeof(bell->value), bell->value);
		break;
	case DOORBELL_OUT:
		if (likely(port_allowed())) {
			port_out(bell->port, sizeof(bell->value), bell->value);
			break;
		}
		/* fall through */
	case DOORBELL_PWRITE:
		write_value(bell);
		break;
	}
}
