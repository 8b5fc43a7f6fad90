/* A plugin of QEMU 7.2 (TCG plugin API 1) that counts the guest's instructions.

   A system call whose first argument is -4242, such as Python's os.close(-4242), prints the count so far to stderr. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t plugin_id;
struct block;
struct info;
typedef void (*translate_callback)(plugin_id, struct block *);
typedef void (*syscall_callback)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                 uint64_t, uint64_t, uint64_t);
typedef void (*exit_callback)(plugin_id, void *);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, translate_callback);
size_t qemu_plugin_tb_n_insns(const struct block *);
void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int operation, void *counter, uint64_t value);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, syscall_callback);
void qemu_plugin_register_atexit_cb(plugin_id, exit_callback, void *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { ADD_TO_COUNTER = 0, MARK = -4242 };
static uint64_t count;

static void translated(plugin_id id, struct block *block) {
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_TO_COUNTER, &count, qemu_plugin_tb_n_insns(block));
}

static void called(plugin_id id, unsigned cpu, int64_t number, uint64_t first, uint64_t b, uint64_t c, uint64_t d,
                   uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
    if ((int32_t)first == MARK) fprintf(stderr, "INSTRUCTIONS %llu\n", (unsigned long long)count);
}

static void ended(plugin_id id, void *unused) {
    fprintf(stderr, "INSTRUCTIONS TOTAL %llu\n", (unsigned long long)count);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const struct info *info, int argc,
                                                               char **argv) {
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
