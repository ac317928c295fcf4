#include "eal/sigbus.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#define MAX_GUARDS 512

struct guard {
	uint8_t *start; /* NULL: free; written last, read first */
	uint64_t size;
	uint64_t page_size;
	uint32_t *dead;
};

static struct guard guards[MAX_GUARDS];
static pthread_mutex_t guards_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous;
static bool installed;

/* Only async-signal-safe work: mmap(2) is a plain system call. */
static bool cover(uint8_t *address)
{
	for (int i = 0; i < MAX_GUARDS; i++) {
		struct guard *guard = &guards[i];
		uint8_t *start = load_acquire(&guard->start);
		uint64_t offset = (uint64_t)(address - start);

		if (!start || offset >= guard->size)
			continue;
		offset -= offset % guard->page_size;
		store_release(guard->dead, 1);
		return mmap(start + offset, guard->page_size, PROT_READ | PROT_WRITE,
		               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
	}
	return false;
}

static void on_sigbus(int signal_number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)signal_number, (void)context;
	/* not ours: put the old disposition back; the access is repeated and meets it */
	if (!cover(info->si_addr))
		sigaction(SIGBUS, &previous, NULL);
	errno = saved;
}

static int install(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	if (installed)
		return 0;
	if (sigaction(SIGBUS, &action, &previous))
		return -errno;
	installed = true;
	return 0;
}

int sigbus_guard(uint8_t *start, uint64_t size, uint64_t page_size, uint32_t *dead)
{
	int handle, failed;

	pthread_mutex_lock(&guards_lock);
	failed = install();
	for (handle = 0; handle < MAX_GUARDS && guards[handle].start; handle++)
		;
	if (!failed && handle < MAX_GUARDS) {
		guards[handle] = (struct guard){.size = size, .page_size = page_size, .dead = dead};
		store_release(&guards[handle].start, start);
	}
	pthread_mutex_unlock(&guards_lock);
	if (failed)
		return failed;
	return handle < MAX_GUARDS ? handle : -ENOSPC;
}

void sigbus_unguard(int handle)
{
	assert(handle >= 0 && handle < MAX_GUARDS);
	pthread_mutex_lock(&guards_lock);
	store_release(&guards[handle].start, NULL);
	pthread_mutex_unlock(&guards_lock);
}
