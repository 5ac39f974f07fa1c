#include "test.h"
#include "test_list.h"
#define WEAK __attribute__((weak))
extern const struct test_case __start_lib_cases[] WEAK, __stop_lib_cases[] WEAK;
int lib_main(int, char **) WEAK;
extern char __start_lib_text[] WEAK, __stop_lib_text[] WEAK;
extern char __start_lib_rodata[] WEAK, __stop_lib_rodata[] WEAK;
extern char __start_lib_data[] WEAK, __stop_lib_data[] WEAK;
extern char __start_lib_bss[] WEAK, __stop_lib_bss[] WEAK;
extern const struct test_case __start_apic_cases[] WEAK, __stop_apic_cases[] WEAK;
int apic_main(int, char **) WEAK;
extern char __start_apic_text[] WEAK, __stop_apic_text[] WEAK;
extern char __start_apic_rodata[] WEAK, __stop_apic_rodata[] WEAK;
extern char __start_apic_data[] WEAK, __stop_apic_data[] WEAK;
extern char __start_apic_bss[] WEAK, __stop_apic_bss[] WEAK;
extern const struct test_case __start_apic_ipi_cases[] WEAK, __stop_apic_ipi_cases[] WEAK;
int apic_ipi_main(int, char **) WEAK;
extern char __start_apic_ipi_text[] WEAK, __stop_apic_ipi_text[] WEAK;
extern char __start_apic_ipi_rodata[] WEAK, __stop_apic_ipi_rodata[] WEAK;
extern char __start_apic_ipi_data[] WEAK, __stop_apic_ipi_data[] WEAK;
extern char __start_apic_ipi_bss[] WEAK, __stop_apic_ipi_bss[] WEAK;
extern const struct test_case __start_arrives_once_cases[] WEAK, __stop_arrives_once_cases[] WEAK;
int arrives_once_main(int, char **) WEAK;
extern char __start_arrives_once_text[] WEAK, __stop_arrives_once_text[] WEAK;
extern char __start_arrives_once_rodata[] WEAK, __stop_arrives_once_rodata[] WEAK;
extern char __start_arrives_once_data[] WEAK, __stop_arrives_once_data[] WEAK;
extern char __start_arrives_once_bss[] WEAK, __stop_arrives_once_bss[] WEAK;
extern const struct test_case __start_bench_exits_cases[] WEAK, __stop_bench_exits_cases[] WEAK;
int bench_exits_main(int, char **) WEAK;
extern char __start_bench_exits_text[] WEAK, __stop_bench_exits_text[] WEAK;
extern char __start_bench_exits_rodata[] WEAK, __stop_bench_exits_rodata[] WEAK;
extern char __start_bench_exits_data[] WEAK, __stop_bench_exits_data[] WEAK;
extern char __start_bench_exits_bss[] WEAK, __stop_bench_exits_bss[] WEAK;
extern const struct test_case __start_bench_faults_cases[] WEAK, __stop_bench_faults_cases[] WEAK;
int bench_faults_main(int, char **) WEAK;
extern char __start_bench_faults_text[] WEAK, __stop_bench_faults_text[] WEAK;
extern char __start_bench_faults_rodata[] WEAK, __stop_bench_faults_rodata[] WEAK;
extern char __start_bench_faults_data[] WEAK, __stop_bench_faults_data[] WEAK;
extern char __start_bench_faults_bss[] WEAK, __stop_bench_faults_bss[] WEAK;
extern const struct test_case __start_bench_irqs_cases[] WEAK, __stop_bench_irqs_cases[] WEAK;
int bench_irqs_main(int, char **) WEAK;
extern char __start_bench_irqs_text[] WEAK, __stop_bench_irqs_text[] WEAK;
extern char __start_bench_irqs_rodata[] WEAK, __stop_bench_irqs_rodata[] WEAK;
extern char __start_bench_irqs_data[] WEAK, __stop_bench_irqs_data[] WEAK;
extern char __start_bench_irqs_bss[] WEAK, __stop_bench_irqs_bss[] WEAK;
extern const struct test_case __start_bench_life_cases[] WEAK, __stop_bench_life_cases[] WEAK;
int bench_life_main(int, char **) WEAK;
extern char __start_bench_life_text[] WEAK, __stop_bench_life_text[] WEAK;
extern char __start_bench_life_rodata[] WEAK, __stop_bench_life_rodata[] WEAK;
extern char __start_bench_life_data[] WEAK, __stop_bench_life_data[] WEAK;
extern char __start_bench_life_bss[] WEAK, __stop_bench_life_bss[] WEAK;
extern const struct test_case __start_bench_work_cases[] WEAK, __stop_bench_work_cases[] WEAK;
int bench_work_main(int, char **) WEAK;
extern char __start_bench_work_text[] WEAK, __stop_bench_work_text[] WEAK;
extern char __start_bench_work_rodata[] WEAK, __stop_bench_work_rodata[] WEAK;
extern char __start_bench_work_data[] WEAK, __stop_bench_work_data[] WEAK;
extern char __start_bench_work_bss[] WEAK, __stop_bench_work_bss[] WEAK;
extern const struct test_case __start_boot_modes_cases[] WEAK, __stop_boot_modes_cases[] WEAK;
int boot_modes_main(int, char **) WEAK;
extern char __start_boot_modes_text[] WEAK, __stop_boot_modes_text[] WEAK;
extern char __start_boot_modes_rodata[] WEAK, __stop_boot_modes_rodata[] WEAK;
extern char __start_boot_modes_data[] WEAK, __stop_boot_modes_data[] WEAK;
extern char __start_boot_modes_bss[] WEAK, __stop_boot_modes_bss[] WEAK;
extern const struct test_case __start_control_operands_cases[] WEAK, __stop_control_operands_cases[] WEAK;
int control_operands_main(int, char **) WEAK;
extern char __start_control_operands_text[] WEAK, __stop_control_operands_text[] WEAK;
extern char __start_control_operands_rodata[] WEAK, __stop_control_operands_rodata[] WEAK;
extern char __start_control_operands_data[] WEAK, __stop_control_operands_data[] WEAK;
extern char __start_control_operands_bss[] WEAK, __stop_control_operands_bss[] WEAK;
extern const struct test_case __start_control_regs_cases[] WEAK, __stop_control_regs_cases[] WEAK;
int control_regs_main(int, char **) WEAK;
extern char __start_control_regs_text[] WEAK, __stop_control_regs_text[] WEAK;
extern char __start_control_regs_rodata[] WEAK, __stop_control_regs_rodata[] WEAK;
extern char __start_control_regs_data[] WEAK, __stop_control_regs_data[] WEAK;
extern char __start_control_regs_bss[] WEAK, __stop_control_regs_bss[] WEAK;
extern const struct test_case __start_cpu_hotplug_cases[] WEAK, __stop_cpu_hotplug_cases[] WEAK;
int cpu_hotplug_main(int, char **) WEAK;
extern char __start_cpu_hotplug_text[] WEAK, __stop_cpu_hotplug_text[] WEAK;
extern char __start_cpu_hotplug_rodata[] WEAK, __stop_cpu_hotplug_rodata[] WEAK;
extern char __start_cpu_hotplug_data[] WEAK, __stop_cpu_hotplug_data[] WEAK;
extern char __start_cpu_hotplug_bss[] WEAK, __stop_cpu_hotplug_bss[] WEAK;
extern const struct test_case __start_cpuid_cases[] WEAK, __stop_cpuid_cases[] WEAK;
int cpuid_main(int, char **) WEAK;
extern char __start_cpuid_text[] WEAK, __stop_cpuid_text[] WEAK;
extern char __start_cpuid_rodata[] WEAK, __stop_cpuid_rodata[] WEAK;
extern char __start_cpuid_data[] WEAK, __stop_cpuid_data[] WEAK;
extern char __start_cpuid_bss[] WEAK, __stop_cpuid_bss[] WEAK;
extern const struct test_case __start_debug_regs_cases[] WEAK, __stop_debug_regs_cases[] WEAK;
int debug_regs_main(int, char **) WEAK;
extern char __start_debug_regs_text[] WEAK, __stop_debug_regs_text[] WEAK;
extern char __start_debug_regs_rodata[] WEAK, __stop_debug_regs_rodata[] WEAK;
extern char __start_debug_regs_data[] WEAK, __stop_debug_regs_data[] WEAK;
extern char __start_debug_regs_bss[] WEAK, __stop_debug_regs_bss[] WEAK;
extern const struct test_case __start_delivery_cases[] WEAK, __stop_delivery_cases[] WEAK;
int delivery_main(int, char **) WEAK;
extern char __start_delivery_text[] WEAK, __stop_delivery_text[] WEAK;
extern char __start_delivery_rodata[] WEAK, __stop_delivery_rodata[] WEAK;
extern char __start_delivery_data[] WEAK, __stop_delivery_data[] WEAK;
extern char __start_delivery_bss[] WEAK, __stop_delivery_bss[] WEAK;
extern const struct test_case __start_exceptions_cases[] WEAK, __stop_exceptions_cases[] WEAK;
int exceptions_main(int, char **) WEAK;
extern char __start_exceptions_text[] WEAK, __stop_exceptions_text[] WEAK;
extern char __start_exceptions_rodata[] WEAK, __stop_exceptions_rodata[] WEAK;
extern char __start_exceptions_data[] WEAK, __stop_exceptions_data[] WEAK;
extern char __start_exceptions_bss[] WEAK, __stop_exceptions_bss[] WEAK;
extern const struct test_case __start_fpu_cases[] WEAK, __stop_fpu_cases[] WEAK;
int fpu_main(int, char **) WEAK;
extern char __start_fpu_text[] WEAK, __stop_fpu_text[] WEAK;
extern char __start_fpu_rodata[] WEAK, __stop_fpu_rodata[] WEAK;
extern char __start_fpu_data[] WEAK, __stop_fpu_data[] WEAK;
extern char __start_fpu_bss[] WEAK, __stop_fpu_bss[] WEAK;
extern const struct test_case __start_fuzz_ioctl_cases[] WEAK, __stop_fuzz_ioctl_cases[] WEAK;
int fuzz_ioctl_main(int, char **) WEAK;
extern char __start_fuzz_ioctl_text[] WEAK, __stop_fuzz_ioctl_text[] WEAK;
extern char __start_fuzz_ioctl_rodata[] WEAK, __stop_fuzz_ioctl_rodata[] WEAK;
extern char __start_fuzz_ioctl_data[] WEAK, __stop_fuzz_ioctl_data[] WEAK;
extern char __start_fuzz_ioctl_bss[] WEAK, __stop_fuzz_ioctl_bss[] WEAK;
extern const struct test_case __start_gsi_routing_cases[] WEAK, __stop_gsi_routing_cases[] WEAK;
int gsi_routing_main(int, char **) WEAK;
extern char __start_gsi_routing_text[] WEAK, __stop_gsi_routing_text[] WEAK;
extern char __start_gsi_routing_rodata[] WEAK, __stop_gsi_routing_rodata[] WEAK;
extern char __start_gsi_routing_data[] WEAK, __stop_gsi_routing_data[] WEAK;
extern char __start_gsi_routing_bss[] WEAK, __stop_gsi_routing_bss[] WEAK;
extern const struct test_case __start_guest_memory_limit_cases[] WEAK, __stop_guest_memory_limit_cases[] WEAK;
int guest_memory_limit_main(int, char **) WEAK;
extern char __start_guest_memory_limit_text[] WEAK, __stop_guest_memory_limit_text[] WEAK;
extern char __start_guest_memory_limit_rodata[] WEAK, __stop_guest_memory_limit_rodata[] WEAK;
extern char __start_guest_memory_limit_data[] WEAK, __stop_guest_memory_limit_data[] WEAK;
extern char __start_guest_memory_limit_bss[] WEAK, __stop_guest_memory_limit_bss[] WEAK;
extern const struct test_case __start_guest_tlb_cases[] WEAK, __stop_guest_tlb_cases[] WEAK;
int guest_tlb_main(int, char **) WEAK;
extern char __start_guest_tlb_text[] WEAK, __stop_guest_tlb_text[] WEAK;
extern char __start_guest_tlb_rodata[] WEAK, __stop_guest_tlb_rodata[] WEAK;
extern char __start_guest_tlb_data[] WEAK, __stop_guest_tlb_data[] WEAK;
extern char __start_guest_tlb_bss[] WEAK, __stop_guest_tlb_bss[] WEAK;
extern const struct test_case __start_host_irqs_cases[] WEAK, __stop_host_irqs_cases[] WEAK;
int host_irqs_main(int, char **) WEAK;
extern char __start_host_irqs_text[] WEAK, __stop_host_irqs_text[] WEAK;
extern char __start_host_irqs_rodata[] WEAK, __stop_host_irqs_rodata[] WEAK;
extern char __start_host_irqs_data[] WEAK, __stop_host_irqs_data[] WEAK;
extern char __start_host_irqs_bss[] WEAK, __stop_host_irqs_bss[] WEAK;
extern const struct test_case __start_host_nmi_cases[] WEAK, __stop_host_nmi_cases[] WEAK;
int host_nmi_main(int, char **) WEAK;
extern char __start_host_nmi_text[] WEAK, __stop_host_nmi_text[] WEAK;
extern char __start_host_nmi_rodata[] WEAK, __stop_host_nmi_rodata[] WEAK;
extern char __start_host_nmi_data[] WEAK, __stop_host_nmi_data[] WEAK;
extern char __start_host_nmi_bss[] WEAK, __stop_host_nmi_bss[] WEAK;
extern const struct test_case __start_host_state_cases[] WEAK, __stop_host_state_cases[] WEAK;
int host_state_main(int, char **) WEAK;
extern char __start_host_state_text[] WEAK, __stop_host_state_text[] WEAK;
extern char __start_host_state_rodata[] WEAK, __stop_host_state_rodata[] WEAK;
extern char __start_host_state_data[] WEAK, __stop_host_state_data[] WEAK;
extern char __start_host_state_bss[] WEAK, __stop_host_state_bss[] WEAK;
extern const struct test_case __start_interrupts_cases[] WEAK, __stop_interrupts_cases[] WEAK;
int interrupts_main(int, char **) WEAK;
extern char __start_interrupts_text[] WEAK, __stop_interrupts_text[] WEAK;
extern char __start_interrupts_rodata[] WEAK, __stop_interrupts_rodata[] WEAK;
extern char __start_interrupts_data[] WEAK, __stop_interrupts_data[] WEAK;
extern char __start_interrupts_bss[] WEAK, __stop_interrupts_bss[] WEAK;
extern const struct test_case __start_ioapic_cases[] WEAK, __stop_ioapic_cases[] WEAK;
int ioapic_main(int, char **) WEAK;
extern char __start_ioapic_text[] WEAK, __stop_ioapic_text[] WEAK;
extern char __start_ioapic_rodata[] WEAK, __stop_ioapic_rodata[] WEAK;
extern char __start_ioapic_data[] WEAK, __stop_ioapic_data[] WEAK;
extern char __start_ioapic_bss[] WEAK, __stop_ioapic_bss[] WEAK;
extern const struct test_case __start_ioeventfd_cases[] WEAK, __stop_ioeventfd_cases[] WEAK;
int ioeventfd_main(int, char **) WEAK;
extern char __start_ioeventfd_text[] WEAK, __stop_ioeventfd_text[] WEAK;
extern char __start_ioeventfd_rodata[] WEAK, __stop_ioeventfd_rodata[] WEAK;
extern char __start_ioeventfd_data[] WEAK, __stop_ioeventfd_data[] WEAK;
extern char __start_ioeventfd_bss[] WEAK, __stop_ioeventfd_bss[] WEAK;
extern const struct test_case __start_irq_race_cases[] WEAK, __stop_irq_race_cases[] WEAK;
int irq_race_main(int, char **) WEAK;
extern char __start_irq_race_text[] WEAK, __stop_irq_race_text[] WEAK;
extern char __start_irq_race_rodata[] WEAK, __stop_irq_race_rodata[] WEAK;
extern char __start_irq_race_data[] WEAK, __stop_irq_race_data[] WEAK;
extern char __start_irq_race_bss[] WEAK, __stop_irq_race_bss[] WEAK;
extern const struct test_case __start_irqfd_cases[] WEAK, __stop_irqfd_cases[] WEAK;
int irqfd_main(int, char **) WEAK;
extern char __start_irqfd_text[] WEAK, __stop_irqfd_text[] WEAK;
extern char __start_irqfd_rodata[] WEAK, __stop_irqfd_rodata[] WEAK;
extern char __start_irqfd_data[] WEAK, __stop_irqfd_data[] WEAK;
extern char __start_irqfd_bss[] WEAK, __stop_irqfd_bss[] WEAK;
extern const struct test_case __start_kvm_neighbour_cases[] WEAK, __stop_kvm_neighbour_cases[] WEAK;
int kvm_neighbour_main(int, char **) WEAK;
extern char __start_kvm_neighbour_text[] WEAK, __stop_kvm_neighbour_text[] WEAK;
extern char __start_kvm_neighbour_rodata[] WEAK, __stop_kvm_neighbour_rodata[] WEAK;
extern char __start_kvm_neighbour_data[] WEAK, __stop_kvm_neighbour_data[] WEAK;
extern char __start_kvm_neighbour_bss[] WEAK, __stop_kvm_neighbour_bss[] WEAK;
extern const struct test_case __start_kvmclock_cases[] WEAK, __stop_kvmclock_cases[] WEAK;
int kvmclock_main(int, char **) WEAK;
extern char __start_kvmclock_text[] WEAK, __stop_kvmclock_text[] WEAK;
extern char __start_kvmclock_rodata[] WEAK, __stop_kvmclock_rodata[] WEAK;
extern char __start_kvmclock_data[] WEAK, __stop_kvmclock_data[] WEAK;
extern char __start_kvmclock_bss[] WEAK, __stop_kvmclock_bss[] WEAK;
extern const struct test_case __start_launcher_cases[] WEAK, __stop_launcher_cases[] WEAK;
int launcher_main(int, char **) WEAK;
extern char __start_launcher_text[] WEAK, __stop_launcher_text[] WEAK;
extern char __start_launcher_rodata[] WEAK, __stop_launcher_rodata[] WEAK;
extern char __start_launcher_data[] WEAK, __stop_launcher_data[] WEAK;
extern char __start_launcher_bss[] WEAK, __stop_launcher_bss[] WEAK;
extern const struct test_case __start_launcher_refuses_cases[] WEAK, __stop_launcher_refuses_cases[] WEAK;
int launcher_refuses_main(int, char **) WEAK;
extern char __start_launcher_refuses_text[] WEAK, __stop_launcher_refuses_text[] WEAK;
extern char __start_launcher_refuses_rodata[] WEAK, __stop_launcher_refuses_rodata[] WEAK;
extern char __start_launcher_refuses_data[] WEAK, __stop_launcher_refuses_data[] WEAK;
extern char __start_launcher_refuses_bss[] WEAK, __stop_launcher_refuses_bss[] WEAK;
extern const struct test_case __start_lesser_cpu_cases[] WEAK, __stop_lesser_cpu_cases[] WEAK;
int lesser_cpu_main(int, char **) WEAK;
extern char __start_lesser_cpu_text[] WEAK, __stop_lesser_cpu_text[] WEAK;
extern char __start_lesser_cpu_rodata[] WEAK, __stop_lesser_cpu_rodata[] WEAK;
extern char __start_lesser_cpu_data[] WEAK, __stop_lesser_cpu_data[] WEAK;
extern char __start_lesser_cpu_bss[] WEAK, __stop_lesser_cpu_bss[] WEAK;
extern const struct test_case __start_lifecycle_cases[] WEAK, __stop_lifecycle_cases[] WEAK;
int lifecycle_main(int, char **) WEAK;
extern char __start_lifecycle_text[] WEAK, __stop_lifecycle_text[] WEAK;
extern char __start_lifecycle_rodata[] WEAK, __stop_lifecycle_rodata[] WEAK;
extern char __start_lifecycle_data[] WEAK, __stop_lifecycle_data[] WEAK;
extern char __start_lifecycle_bss[] WEAK, __stop_lifecycle_bss[] WEAK;
extern const struct test_case __start_linux_boot_cases[] WEAK, __stop_linux_boot_cases[] WEAK;
int linux_boot_main(int, char **) WEAK;
extern char __start_linux_boot_text[] WEAK, __stop_linux_boot_text[] WEAK;
extern char __start_linux_boot_rodata[] WEAK, __stop_linux_boot_rodata[] WEAK;
extern char __start_linux_boot_data[] WEAK, __stop_linux_boot_data[] WEAK;
extern char __start_linux_boot_bss[] WEAK, __stop_linux_boot_bss[] WEAK;
extern const struct test_case __start_linux_devices_cases[] WEAK, __stop_linux_devices_cases[] WEAK;
int linux_devices_main(int, char **) WEAK;
extern char __start_linux_devices_text[] WEAK, __stop_linux_devices_text[] WEAK;
extern char __start_linux_devices_rodata[] WEAK, __stop_linux_devices_rodata[] WEAK;
extern char __start_linux_devices_data[] WEAK, __stop_linux_devices_data[] WEAK;
extern char __start_linux_devices_bss[] WEAK, __stop_linux_devices_bss[] WEAK;
extern const struct test_case __start_memory_cgroup_cases[] WEAK, __stop_memory_cgroup_cases[] WEAK;
int memory_cgroup_main(int, char **) WEAK;
extern char __start_memory_cgroup_text[] WEAK, __stop_memory_cgroup_text[] WEAK;
extern char __start_memory_cgroup_rodata[] WEAK, __stop_memory_cgroup_rodata[] WEAK;
extern char __start_memory_cgroup_data[] WEAK, __stop_memory_cgroup_data[] WEAK;
extern char __start_memory_cgroup_bss[] WEAK, __stop_memory_cgroup_bss[] WEAK;
extern const struct test_case __start_memory_fail_cases[] WEAK, __stop_memory_fail_cases[] WEAK;
int memory_fail_main(int, char **) WEAK;
extern char __start_memory_fail_text[] WEAK, __stop_memory_fail_text[] WEAK;
extern char __start_memory_fail_rodata[] WEAK, __stop_memory_fail_rodata[] WEAK;
extern char __start_memory_fail_data[] WEAK, __stop_memory_fail_data[] WEAK;
extern char __start_memory_fail_bss[] WEAK, __stop_memory_fail_bss[] WEAK;
extern const struct test_case __start_memory_mmap_cases[] WEAK, __stop_memory_mmap_cases[] WEAK;
int memory_mmap_main(int, char **) WEAK;
extern char __start_memory_mmap_text[] WEAK, __stop_memory_mmap_text[] WEAK;
extern char __start_memory_mmap_rodata[] WEAK, __stop_memory_mmap_rodata[] WEAK;
extern char __start_memory_mmap_data[] WEAK, __stop_memory_mmap_data[] WEAK;
extern char __start_memory_mmap_bss[] WEAK, __stop_memory_mmap_bss[] WEAK;
extern const struct test_case __start_memory_object_cases[] WEAK, __stop_memory_object_cases[] WEAK;
int memory_object_main(int, char **) WEAK;
extern char __start_memory_object_text[] WEAK, __stop_memory_object_text[] WEAK;
extern char __start_memory_object_rodata[] WEAK, __stop_memory_object_rodata[] WEAK;
extern char __start_memory_object_data[] WEAK, __stop_memory_object_data[] WEAK;
extern char __start_memory_object_bss[] WEAK, __stop_memory_object_bss[] WEAK;
extern const struct test_case __start_memory_pages_cases[] WEAK, __stop_memory_pages_cases[] WEAK;
int memory_pages_main(int, char **) WEAK;
extern char __start_memory_pages_text[] WEAK, __stop_memory_pages_text[] WEAK;
extern char __start_memory_pages_rodata[] WEAK, __stop_memory_pages_rodata[] WEAK;
extern char __start_memory_pages_data[] WEAK, __stop_memory_pages_data[] WEAK;
extern char __start_memory_pages_bss[] WEAK, __stop_memory_pages_bss[] WEAK;
extern const struct test_case __start_memory_pin_cases[] WEAK, __stop_memory_pin_cases[] WEAK;
int memory_pin_main(int, char **) WEAK;
extern char __start_memory_pin_text[] WEAK, __stop_memory_pin_text[] WEAK;
extern char __start_memory_pin_rodata[] WEAK, __stop_memory_pin_rodata[] WEAK;
extern char __start_memory_pin_data[] WEAK, __stop_memory_pin_data[] WEAK;
extern char __start_memory_pin_bss[] WEAK, __stop_memory_pin_bss[] WEAK;
extern const struct test_case __start_memory_stress_cases[] WEAK, __stop_memory_stress_cases[] WEAK;
int memory_stress_main(int, char **) WEAK;
extern char __start_memory_stress_text[] WEAK, __stop_memory_stress_text[] WEAK;
extern char __start_memory_stress_rodata[] WEAK, __stop_memory_stress_rodata[] WEAK;
extern char __start_memory_stress_data[] WEAK, __stop_memory_stress_data[] WEAK;
extern char __start_memory_stress_bss[] WEAK, __stop_memory_stress_bss[] WEAK;
extern const struct test_case __start_mmio_cases[] WEAK, __stop_mmio_cases[] WEAK;
int mmio_main(int, char **) WEAK;
extern char __start_mmio_text[] WEAK, __stop_mmio_text[] WEAK;
extern char __start_mmio_rodata[] WEAK, __stop_mmio_rodata[] WEAK;
extern char __start_mmio_data[] WEAK, __stop_mmio_data[] WEAK;
extern char __start_mmio_bss[] WEAK, __stop_mmio_bss[] WEAK;
extern const struct test_case __start_mmio_forms_cases[] WEAK, __stop_mmio_forms_cases[] WEAK;
int mmio_forms_main(int, char **) WEAK;
extern char __start_mmio_forms_text[] WEAK, __stop_mmio_forms_text[] WEAK;
extern char __start_mmio_forms_rodata[] WEAK, __stop_mmio_forms_rodata[] WEAK;
extern char __start_mmio_forms_data[] WEAK, __stop_mmio_forms_data[] WEAK;
extern char __start_mmio_forms_bss[] WEAK, __stop_mmio_forms_bss[] WEAK;
extern const struct test_case __start_module_life_cases[] WEAK, __stop_module_life_cases[] WEAK;
int module_life_main(int, char **) WEAK;
extern char __start_module_life_text[] WEAK, __stop_module_life_text[] WEAK;
extern char __start_module_life_rodata[] WEAK, __stop_module_life_rodata[] WEAK;
extern char __start_module_life_data[] WEAK, __stop_module_life_data[] WEAK;
extern char __start_module_life_bss[] WEAK, __stop_module_life_bss[] WEAK;
extern const struct test_case __start_msr_filter_cases[] WEAK, __stop_msr_filter_cases[] WEAK;
int msr_filter_main(int, char **) WEAK;
extern char __start_msr_filter_text[] WEAK, __stop_msr_filter_text[] WEAK;
extern char __start_msr_filter_rodata[] WEAK, __stop_msr_filter_rodata[] WEAK;
extern char __start_msr_filter_data[] WEAK, __stop_msr_filter_data[] WEAK;
extern char __start_msr_filter_bss[] WEAK, __stop_msr_filter_bss[] WEAK;
extern const struct test_case __start_msr_ranges_cases[] WEAK, __stop_msr_ranges_cases[] WEAK;
int msr_ranges_main(int, char **) WEAK;
extern char __start_msr_ranges_text[] WEAK, __stop_msr_ranges_text[] WEAK;
extern char __start_msr_ranges_rodata[] WEAK, __stop_msr_ranges_rodata[] WEAK;
extern char __start_msr_ranges_data[] WEAK, __stop_msr_ranges_data[] WEAK;
extern char __start_msr_ranges_bss[] WEAK, __stop_msr_ranges_bss[] WEAK;
extern const struct test_case __start_msrs_cases[] WEAK, __stop_msrs_cases[] WEAK;
int msrs_main(int, char **) WEAK;
extern char __start_msrs_text[] WEAK, __stop_msrs_text[] WEAK;
extern char __start_msrs_rodata[] WEAK, __stop_msrs_rodata[] WEAK;
extern char __start_msrs_data[] WEAK, __stop_msrs_data[] WEAK;
extern char __start_msrs_bss[] WEAK, __stop_msrs_bss[] WEAK;
extern const struct test_case __start_nmi_cases[] WEAK, __stop_nmi_cases[] WEAK;
int nmi_main(int, char **) WEAK;
extern char __start_nmi_text[] WEAK, __stop_nmi_text[] WEAK;
extern char __start_nmi_rodata[] WEAK, __stop_nmi_rodata[] WEAK;
extern char __start_nmi_data[] WEAK, __stop_nmi_data[] WEAK;
extern char __start_nmi_bss[] WEAK, __stop_nmi_bss[] WEAK;
extern const struct test_case __start_no_virt_cases[] WEAK, __stop_no_virt_cases[] WEAK;
int no_virt_main(int, char **) WEAK;
extern char __start_no_virt_text[] WEAK, __stop_no_virt_text[] WEAK;
extern char __start_no_virt_rodata[] WEAK, __stop_no_virt_rodata[] WEAK;
extern char __start_no_virt_data[] WEAK, __stop_no_virt_data[] WEAK;
extern char __start_no_virt_bss[] WEAK, __stop_no_virt_bss[] WEAK;
extern const struct test_case __start_odd_jobs_cases[] WEAK, __stop_odd_jobs_cases[] WEAK;
int odd_jobs_main(int, char **) WEAK;
extern char __start_odd_jobs_text[] WEAK, __stop_odd_jobs_text[] WEAK;
extern char __start_odd_jobs_rodata[] WEAK, __stop_odd_jobs_rodata[] WEAK;
extern char __start_odd_jobs_data[] WEAK, __stop_odd_jobs_data[] WEAK;
extern char __start_odd_jobs_bss[] WEAK, __stop_odd_jobs_bss[] WEAK;
extern const struct test_case __start_pic_cases[] WEAK, __stop_pic_cases[] WEAK;
int pic_main(int, char **) WEAK;
extern char __start_pic_text[] WEAK, __stop_pic_text[] WEAK;
extern char __start_pic_rodata[] WEAK, __stop_pic_rodata[] WEAK;
extern char __start_pic_data[] WEAK, __stop_pic_data[] WEAK;
extern char __start_pic_bss[] WEAK, __stop_pic_bss[] WEAK;
extern const struct test_case __start_pit_cases[] WEAK, __stop_pit_cases[] WEAK;
int pit_main(int, char **) WEAK;
extern char __start_pit_text[] WEAK, __stop_pit_text[] WEAK;
extern char __start_pit_rodata[] WEAK, __stop_pit_rodata[] WEAK;
extern char __start_pit_data[] WEAK, __stop_pit_data[] WEAK;
extern char __start_pit_bss[] WEAK, __stop_pit_bss[] WEAK;
extern const struct test_case __start_port_io_cases[] WEAK, __stop_port_io_cases[] WEAK;
int port_io_main(int, char **) WEAK;
extern char __start_port_io_text[] WEAK, __stop_port_io_text[] WEAK;
extern char __start_port_io_rodata[] WEAK, __stop_port_io_rodata[] WEAK;
extern char __start_port_io_data[] WEAK, __stop_port_io_data[] WEAK;
extern char __start_port_io_bss[] WEAK, __stop_port_io_bss[] WEAK;
extern const struct test_case __start_restart_cases[] WEAK, __stop_restart_cases[] WEAK;
int restart_main(int, char **) WEAK;
extern char __start_restart_text[] WEAK, __stop_restart_text[] WEAK;
extern char __start_restart_rodata[] WEAK, __stop_restart_rodata[] WEAK;
extern char __start_restart_data[] WEAK, __stop_restart_data[] WEAK;
extern char __start_restart_bss[] WEAK, __stop_restart_bss[] WEAK;
extern const struct test_case __start_run_control_cases[] WEAK, __stop_run_control_cases[] WEAK;
int run_control_main(int, char **) WEAK;
extern char __start_run_control_text[] WEAK, __stop_run_control_text[] WEAK;
extern char __start_run_control_rodata[] WEAK, __stop_run_control_rodata[] WEAK;
extern char __start_run_control_data[] WEAK, __stop_run_control_data[] WEAK;
extern char __start_run_control_bss[] WEAK, __stop_run_control_bss[] WEAK;
extern const struct test_case __start_slots_cases[] WEAK, __stop_slots_cases[] WEAK;
int slots_main(int, char **) WEAK;
extern char __start_slots_text[] WEAK, __stop_slots_text[] WEAK;
extern char __start_slots_rodata[] WEAK, __stop_slots_rodata[] WEAK;
extern char __start_slots_data[] WEAK, __stop_slots_data[] WEAK;
extern char __start_slots_bss[] WEAK, __stop_slots_bss[] WEAK;
extern const struct test_case __start_smp_start_cases[] WEAK, __stop_smp_start_cases[] WEAK;
int smp_start_main(int, char **) WEAK;
extern char __start_smp_start_text[] WEAK, __stop_smp_start_text[] WEAK;
extern char __start_smp_start_rodata[] WEAK, __stop_smp_start_rodata[] WEAK;
extern char __start_smp_start_data[] WEAK, __stop_smp_start_data[] WEAK;
extern char __start_smp_start_bss[] WEAK, __stop_smp_start_bss[] WEAK;
extern const struct test_case __start_state_cases[] WEAK, __stop_state_cases[] WEAK;
int state_main(int, char **) WEAK;
extern char __start_state_text[] WEAK, __stop_state_text[] WEAK;
extern char __start_state_rodata[] WEAK, __stop_state_rodata[] WEAK;
extern char __start_state_data[] WEAK, __stop_state_data[] WEAK;
extern char __start_state_bss[] WEAK, __stop_state_bss[] WEAK;
extern const struct test_case __start_state_rules_cases[] WEAK, __stop_state_rules_cases[] WEAK;
int state_rules_main(int, char **) WEAK;
extern char __start_state_rules_text[] WEAK, __stop_state_rules_text[] WEAK;
extern char __start_state_rules_rodata[] WEAK, __stop_state_rules_rodata[] WEAK;
extern char __start_state_rules_data[] WEAK, __stop_state_rules_data[] WEAK;
extern char __start_state_rules_bss[] WEAK, __stop_state_rules_bss[] WEAK;
extern const struct test_case __start_suspend_cases[] WEAK, __stop_suspend_cases[] WEAK;
int suspend_main(int, char **) WEAK;
extern char __start_suspend_text[] WEAK, __stop_suspend_text[] WEAK;
extern char __start_suspend_rodata[] WEAK, __stop_suspend_rodata[] WEAK;
extern char __start_suspend_data[] WEAK, __stop_suspend_data[] WEAK;
extern char __start_suspend_bss[] WEAK, __stop_suspend_bss[] WEAK;
extern const struct test_case __start_system_ioctls_cases[] WEAK, __stop_system_ioctls_cases[] WEAK;
int system_ioctls_main(int, char **) WEAK;
extern char __start_system_ioctls_text[] WEAK, __stop_system_ioctls_text[] WEAK;
extern char __start_system_ioctls_rodata[] WEAK, __stop_system_ioctls_rodata[] WEAK;
extern char __start_system_ioctls_data[] WEAK, __stop_system_ioctls_data[] WEAK;
extern char __start_system_ioctls_bss[] WEAK, __stop_system_ioctls_bss[] WEAK;
extern const struct test_case __start_tsc_cases[] WEAK, __stop_tsc_cases[] WEAK;
int tsc_main(int, char **) WEAK;
extern char __start_tsc_text[] WEAK, __stop_tsc_text[] WEAK;
extern char __start_tsc_rodata[] WEAK, __stop_tsc_rodata[] WEAK;
extern char __start_tsc_data[] WEAK, __stop_tsc_data[] WEAK;
extern char __start_tsc_bss[] WEAK, __stop_tsc_bss[] WEAK;
extern const struct test_case __start_vcpu_ioctls_cases[] WEAK, __stop_vcpu_ioctls_cases[] WEAK;
int vcpu_ioctls_main(int, char **) WEAK;
extern char __start_vcpu_ioctls_text[] WEAK, __stop_vcpu_ioctls_text[] WEAK;
extern char __start_vcpu_ioctls_rodata[] WEAK, __stop_vcpu_ioctls_rodata[] WEAK;
extern char __start_vcpu_ioctls_data[] WEAK, __stop_vcpu_ioctls_data[] WEAK;
extern char __start_vcpu_ioctls_bss[] WEAK, __stop_vcpu_ioctls_bss[] WEAK;
extern const struct test_case __start_vm_cost_cases[] WEAK, __stop_vm_cost_cases[] WEAK;
int vm_cost_main(int, char **) WEAK;
extern char __start_vm_cost_text[] WEAK, __stop_vm_cost_text[] WEAK;
extern char __start_vm_cost_rodata[] WEAK, __stop_vm_cost_rodata[] WEAK;
extern char __start_vm_cost_data[] WEAK, __stop_vm_cost_data[] WEAK;
extern char __start_vm_cost_bss[] WEAK, __stop_vm_cost_bss[] WEAK;
const struct test *test_current;
const struct image_part lib_parts[] = {
{ __start_lib_text, __stop_lib_text },
{ __start_lib_rodata, __stop_lib_rodata },
{ __start_lib_data, __stop_lib_data },
{ __start_lib_bss, __stop_lib_bss },
};
const struct test tests[] = {
{ "apic", apic_main, __start_apic_cases, __stop_apic_cases, {
{ __start_apic_text, __stop_apic_text },
{ __start_apic_rodata, __stop_apic_rodata },
{ __start_apic_data, __stop_apic_data },
{ __start_apic_bss, __stop_apic_bss },
} },
{ "apic_ipi", apic_ipi_main, __start_apic_ipi_cases, __stop_apic_ipi_cases, {
{ __start_apic_ipi_text, __stop_apic_ipi_text },
{ __start_apic_ipi_rodata, __stop_apic_ipi_rodata },
{ __start_apic_ipi_data, __stop_apic_ipi_data },
{ __start_apic_ipi_bss, __stop_apic_ipi_bss },
} },
{ "arrives_once", arrives_once_main, __start_arrives_once_cases, __stop_arrives_once_cases, {
{ __start_arrives_once_text, __stop_arrives_once_text },
{ __start_arrives_once_rodata, __stop_arrives_once_rodata },
{ __start_arrives_once_data, __stop_arrives_once_data },
{ __start_arrives_once_bss, __stop_arrives_once_bss },
} },
{ "bench_exits", bench_exits_main, __start_bench_exits_cases, __stop_bench_exits_cases, {
{ __start_bench_exits_text, __stop_bench_exits_text },
{ __start_bench_exits_rodata, __stop_bench_exits_rodata },
{ __start_bench_exits_data, __stop_bench_exits_data },
{ __start_bench_exits_bss, __stop_bench_exits_bss },
} },
{ "bench_faults", bench_faults_main, __start_bench_faults_cases, __stop_bench_faults_cases, {
{ __start_bench_faults_text, __stop_bench_faults_text },
{ __start_bench_faults_rodata, __stop_bench_faults_rodata },
{ __start_bench_faults_data, __stop_bench_faults_data },
{ __start_bench_faults_bss, __stop_bench_faults_bss },
} },
{ "bench_irqs", bench_irqs_main, __start_bench_irqs_cases, __stop_bench_irqs_cases, {
{ __start_bench_irqs_text, __stop_bench_irqs_text },
{ __start_bench_irqs_rodata, __stop_bench_irqs_rodata },
{ __start_bench_irqs_data, __stop_bench_irqs_data },
{ __start_bench_irqs_bss, __stop_bench_irqs_bss },
} },
{ "bench_life", bench_life_main, __start_bench_life_cases, __stop_bench_life_cases, {
{ __start_bench_life_text, __stop_bench_life_text },
{ __start_bench_life_rodata, __stop_bench_life_rodata },
{ __start_bench_life_data, __stop_bench_life_data },
{ __start_bench_life_bss, __stop_bench_life_bss },
} },
{ "bench_work", bench_work_main, __start_bench_work_cases, __stop_bench_work_cases, {
{ __start_bench_work_text, __stop_bench_work_text },
{ __start_bench_work_rodata, __stop_bench_work_rodata },
{ __start_bench_work_data, __stop_bench_work_data },
{ __start_bench_work_bss, __stop_bench_work_bss },
} },
{ "boot_modes", boot_modes_main, __start_boot_modes_cases, __stop_boot_modes_cases, {
{ __start_boot_modes_text, __stop_boot_modes_text },
{ __start_boot_modes_rodata, __stop_boot_modes_rodata },
{ __start_boot_modes_data, __stop_boot_modes_data },
{ __start_boot_modes_bss, __stop_boot_modes_bss },
} },
{ "control_operands", control_operands_main, __start_control_operands_cases, __stop_control_operands_cases, {
{ __start_control_operands_text, __stop_control_operands_text },
{ __start_control_operands_rodata, __stop_control_operands_rodata },
{ __start_control_operands_data, __stop_control_operands_data },
{ __start_control_operands_bss, __stop_control_operands_bss },
} },
{ "control_regs", control_regs_main, __start_control_regs_cases, __stop_control_regs_cases, {
{ __start_control_regs_text, __stop_control_regs_text },
{ __start_control_regs_rodata, __stop_control_regs_rodata },
{ __start_control_regs_data, __stop_control_regs_data },
{ __start_control_regs_bss, __stop_control_regs_bss },
} },
{ "cpu_hotplug", cpu_hotplug_main, __start_cpu_hotplug_cases, __stop_cpu_hotplug_cases, {
{ __start_cpu_hotplug_text, __stop_cpu_hotplug_text },
{ __start_cpu_hotplug_rodata, __stop_cpu_hotplug_rodata },
{ __start_cpu_hotplug_data, __stop_cpu_hotplug_data },
{ __start_cpu_hotplug_bss, __stop_cpu_hotplug_bss },
} },
{ "cpuid", cpuid_main, __start_cpuid_cases, __stop_cpuid_cases, {
{ __start_cpuid_text, __stop_cpuid_text },
{ __start_cpuid_rodata, __stop_cpuid_rodata },
{ __start_cpuid_data, __stop_cpuid_data },
{ __start_cpuid_bss, __stop_cpuid_bss },
} },
{ "debug_regs", debug_regs_main, __start_debug_regs_cases, __stop_debug_regs_cases, {
{ __start_debug_regs_text, __stop_debug_regs_text },
{ __start_debug_regs_rodata, __stop_debug_regs_rodata },
{ __start_debug_regs_data, __stop_debug_regs_data },
{ __start_debug_regs_bss, __stop_debug_regs_bss },
} },
{ "delivery", delivery_main, __start_delivery_cases, __stop_delivery_cases, {
{ __start_delivery_text, __stop_delivery_text },
{ __start_delivery_rodata, __stop_delivery_rodata },
{ __start_delivery_data, __stop_delivery_data },
{ __start_delivery_bss, __stop_delivery_bss },
} },
{ "exceptions", exceptions_main, __start_exceptions_cases, __stop_exceptions_cases, {
{ __start_exceptions_text, __stop_exceptions_text },
{ __start_exceptions_rodata, __stop_exceptions_rodata },
{ __start_exceptions_data, __stop_exceptions_data },
{ __start_exceptions_bss, __stop_exceptions_bss },
} },
{ "fpu", fpu_main, __start_fpu_cases, __stop_fpu_cases, {
{ __start_fpu_text, __stop_fpu_text },
{ __start_fpu_rodata, __stop_fpu_rodata },
{ __start_fpu_data, __stop_fpu_data },
{ __start_fpu_bss, __stop_fpu_bss },
} },
{ "fuzz_ioctl", fuzz_ioctl_main, __start_fuzz_ioctl_cases, __stop_fuzz_ioctl_cases, {
{ __start_fuzz_ioctl_text, __stop_fuzz_ioctl_text },
{ __start_fuzz_ioctl_rodata, __stop_fuzz_ioctl_rodata },
{ __start_fuzz_ioctl_data, __stop_fuzz_ioctl_data },
{ __start_fuzz_ioctl_bss, __stop_fuzz_ioctl_bss },
} },
{ "gsi_routing", gsi_routing_main, __start_gsi_routing_cases, __stop_gsi_routing_cases, {
{ __start_gsi_routing_text, __stop_gsi_routing_text },
{ __start_gsi_routing_rodata, __stop_gsi_routing_rodata },
{ __start_gsi_routing_data, __stop_gsi_routing_data },
{ __start_gsi_routing_bss, __stop_gsi_routing_bss },
} },
{ "guest_memory_limit", guest_memory_limit_main, __start_guest_memory_limit_cases, __stop_guest_memory_limit_cases, {
{ __start_guest_memory_limit_text, __stop_guest_memory_limit_text },
{ __start_guest_memory_limit_rodata, __stop_guest_memory_limit_rodata },
{ __start_guest_memory_limit_data, __stop_guest_memory_limit_data },
{ __start_guest_memory_limit_bss, __stop_guest_memory_limit_bss },
} },
{ "guest_tlb", guest_tlb_main, __start_guest_tlb_cases, __stop_guest_tlb_cases, {
{ __start_guest_tlb_text, __stop_guest_tlb_text },
{ __start_guest_tlb_rodata, __stop_guest_tlb_rodata },
{ __start_guest_tlb_data, __stop_guest_tlb_data },
{ __start_guest_tlb_bss, __stop_guest_tlb_bss },
} },
{ "host_irqs", host_irqs_main, __start_host_irqs_cases, __stop_host_irqs_cases, {
{ __start_host_irqs_text, __stop_host_irqs_text },
{ __start_host_irqs_rodata, __stop_host_irqs_rodata },
{ __start_host_irqs_data, __stop_host_irqs_data },
{ __start_host_irqs_bss, __stop_host_irqs_bss },
} },
{ "host_nmi", host_nmi_main, __start_host_nmi_cases, __stop_host_nmi_cases, {
{ __start_host_nmi_text, __stop_host_nmi_text },
{ __start_host_nmi_rodata, __stop_host_nmi_rodata },
{ __start_host_nmi_data, __stop_host_nmi_data },
{ __start_host_nmi_bss, __stop_host_nmi_bss },
} },
{ "host_state", host_state_main, __start_host_state_cases, __stop_host_state_cases, {
{ __start_host_state_text, __stop_host_state_text },
{ __start_host_state_rodata, __stop_host_state_rodata },
{ __start_host_state_data, __stop_host_state_data },
{ __start_host_state_bss, __stop_host_state_bss },
} },
{ "interrupts", interrupts_main, __start_interrupts_cases, __stop_interrupts_cases, {
{ __start_interrupts_text, __stop_interrupts_text },
{ __start_interrupts_rodata, __stop_interrupts_rodata },
{ __start_interrupts_data, __stop_interrupts_data },
{ __start_interrupts_bss, __stop_interrupts_bss },
} },
{ "ioapic", ioapic_main, __start_ioapic_cases, __stop_ioapic_cases, {
{ __start_ioapic_text, __stop_ioapic_text },
{ __start_ioapic_rodata, __stop_ioapic_rodata },
{ __start_ioapic_data, __stop_ioapic_data },
{ __start_ioapic_bss, __stop_ioapic_bss },
} },
{ "ioeventfd", ioeventfd_main, __start_ioeventfd_cases, __stop_ioeventfd_cases, {
{ __start_ioeventfd_text, __stop_ioeventfd_text },
{ __start_ioeventfd_rodata, __stop_ioeventfd_rodata },
{ __start_ioeventfd_data, __stop_ioeventfd_data },
{ __start_ioeventfd_bss, __stop_ioeventfd_bss },
} },
{ "irq_race", irq_race_main, __start_irq_race_cases, __stop_irq_race_cases, {
{ __start_irq_race_text, __stop_irq_race_text },
{ __start_irq_race_rodata, __stop_irq_race_rodata },
{ __start_irq_race_data, __stop_irq_race_data },
{ __start_irq_race_bss, __stop_irq_race_bss },
} },
{ "irqfd", irqfd_main, __start_irqfd_cases, __stop_irqfd_cases, {
{ __start_irqfd_text, __stop_irqfd_text },
{ __start_irqfd_rodata, __stop_irqfd_rodata },
{ __start_irqfd_data, __stop_irqfd_data },
{ __start_irqfd_bss, __stop_irqfd_bss },
} },
{ "kvm_neighbour", kvm_neighbour_main, __start_kvm_neighbour_cases, __stop_kvm_neighbour_cases, {
{ __start_kvm_neighbour_text, __stop_kvm_neighbour_text },
{ __start_kvm_neighbour_rodata, __stop_kvm_neighbour_rodata },
{ __start_kvm_neighbour_data, __stop_kvm_neighbour_data },
{ __start_kvm_neighbour_bss, __stop_kvm_neighbour_bss },
} },
{ "kvmclock", kvmclock_main, __start_kvmclock_cases, __stop_kvmclock_cases, {
{ __start_kvmclock_text, __stop_kvmclock_text },
{ __start_kvmclock_rodata, __stop_kvmclock_rodata },
{ __start_kvmclock_data, __stop_kvmclock_data },
{ __start_kvmclock_bss, __stop_kvmclock_bss },
} },
{ "launcher", launcher_main, __start_launcher_cases, __stop_launcher_cases, {
{ __start_launcher_text, __stop_launcher_text },
{ __start_launcher_rodata, __stop_launcher_rodata },
{ __start_launcher_data, __stop_launcher_data },
{ __start_launcher_bss, __stop_launcher_bss },
} },
{ "launcher_refuses", launcher_refuses_main, __start_launcher_refuses_cases, __stop_launcher_refuses_cases, {
{ __start_launcher_refuses_text, __stop_launcher_refuses_text },
{ __start_launcher_refuses_rodata, __stop_launcher_refuses_rodata },
{ __start_launcher_refuses_data, __stop_launcher_refuses_data },
{ __start_launcher_refuses_bss, __stop_launcher_refuses_bss },
} },
{ "lesser_cpu", lesser_cpu_main, __start_lesser_cpu_cases, __stop_lesser_cpu_cases, {
{ __start_lesser_cpu_text, __stop_lesser_cpu_text },
{ __start_lesser_cpu_rodata, __stop_lesser_cpu_rodata },
{ __start_lesser_cpu_data, __stop_lesser_cpu_data },
{ __start_lesser_cpu_bss, __stop_lesser_cpu_bss },
} },
{ "lifecycle", lifecycle_main, __start_lifecycle_cases, __stop_lifecycle_cases, {
{ __start_lifecycle_text, __stop_lifecycle_text },
{ __start_lifecycle_rodata, __stop_lifecycle_rodata },
{ __start_lifecycle_data, __stop_lifecycle_data },
{ __start_lifecycle_bss, __stop_lifecycle_bss },
} },
{ "linux_boot", linux_boot_main, __start_linux_boot_cases, __stop_linux_boot_cases, {
{ __start_linux_boot_text, __stop_linux_boot_text },
{ __start_linux_boot_rodata, __stop_linux_boot_rodata },
{ __start_linux_boot_data, __stop_linux_boot_data },
{ __start_linux_boot_bss, __stop_linux_boot_bss },
} },
{ "linux_devices", linux_devices_main, __start_linux_devices_cases, __stop_linux_devices_cases, {
{ __start_linux_devices_text, __stop_linux_devices_text },
{ __start_linux_devices_rodata, __stop_linux_devices_rodata },
{ __start_linux_devices_data, __stop_linux_devices_data },
{ __start_linux_devices_bss, __stop_linux_devices_bss },
} },
{ "memory_cgroup", memory_cgroup_main, __start_memory_cgroup_cases, __stop_memory_cgroup_cases, {
{ __start_memory_cgroup_text, __stop_memory_cgroup_text },
{ __start_memory_cgroup_rodata, __stop_memory_cgroup_rodata },
{ __start_memory_cgroup_data, __stop_memory_cgroup_data },
{ __start_memory_cgroup_bss, __stop_memory_cgroup_bss },
} },
{ "memory_fail", memory_fail_main, __start_memory_fail_cases, __stop_memory_fail_cases, {
{ __start_memory_fail_text, __stop_memory_fail_text },
{ __start_memory_fail_rodata, __stop_memory_fail_rodata },
{ __start_memory_fail_data, __stop_memory_fail_data },
{ __start_memory_fail_bss, __stop_memory_fail_bss },
} },
{ "memory_mmap", memory_mmap_main, __start_memory_mmap_cases, __stop_memory_mmap_cases, {
{ __start_memory_mmap_text, __stop_memory_mmap_text },
{ __start_memory_mmap_rodata, __stop_memory_mmap_rodata },
{ __start_memory_mmap_data, __stop_memory_mmap_data },
{ __start_memory_mmap_bss, __stop_memory_mmap_bss },
} },
{ "memory_object", memory_object_main, __start_memory_object_cases, __stop_memory_object_cases, {
{ __start_memory_object_text, __stop_memory_object_text },
{ __start_memory_object_rodata, __stop_memory_object_rodata },
{ __start_memory_object_data, __stop_memory_object_data },
{ __start_memory_object_bss, __stop_memory_object_bss },
} },
{ "memory_pages", memory_pages_main, __start_memory_pages_cases, __stop_memory_pages_cases, {
{ __start_memory_pages_text, __stop_memory_pages_text },
{ __start_memory_pages_rodata, __stop_memory_pages_rodata },
{ __start_memory_pages_data, __stop_memory_pages_data },
{ __start_memory_pages_bss, __stop_memory_pages_bss },
} },
{ "memory_pin", memory_pin_main, __start_memory_pin_cases, __stop_memory_pin_cases, {
{ __start_memory_pin_text, __stop_memory_pin_text },
{ __start_memory_pin_rodata, __stop_memory_pin_rodata },
{ __start_memory_pin_data, __stop_memory_pin_data },
{ __start_memory_pin_bss, __stop_memory_pin_bss },
} },
{ "memory_stress", memory_stress_main, __start_memory_stress_cases, __stop_memory_stress_cases, {
{ __start_memory_stress_text, __stop_memory_stress_text },
{ __start_memory_stress_rodata, __stop_memory_stress_rodata },
{ __start_memory_stress_data, __stop_memory_stress_data },
{ __start_memory_stress_bss, __stop_memory_stress_bss },
} },
{ "mmio", mmio_main, __start_mmio_cases, __stop_mmio_cases, {
{ __start_mmio_text, __stop_mmio_text },
{ __start_mmio_rodata, __stop_mmio_rodata },
{ __start_mmio_data, __stop_mmio_data },
{ __start_mmio_bss, __stop_mmio_bss },
} },
{ "mmio_forms", mmio_forms_main, __start_mmio_forms_cases, __stop_mmio_forms_cases, {
{ __start_mmio_forms_text, __stop_mmio_forms_text },
{ __start_mmio_forms_rodata, __stop_mmio_forms_rodata },
{ __start_mmio_forms_data, __stop_mmio_forms_data },
{ __start_mmio_forms_bss, __stop_mmio_forms_bss },
} },
{ "module_life", module_life_main, __start_module_life_cases, __stop_module_life_cases, {
{ __start_module_life_text, __stop_module_life_text },
{ __start_module_life_rodata, __stop_module_life_rodata },
{ __start_module_life_data, __stop_module_life_data },
{ __start_module_life_bss, __stop_module_life_bss },
} },
{ "msr_filter", msr_filter_main, __start_msr_filter_cases, __stop_msr_filter_cases, {
{ __start_msr_filter_text, __stop_msr_filter_text },
{ __start_msr_filter_rodata, __stop_msr_filter_rodata },
{ __start_msr_filter_data, __stop_msr_filter_data },
{ __start_msr_filter_bss, __stop_msr_filter_bss },
} },
{ "msr_ranges", msr_ranges_main, __start_msr_ranges_cases, __stop_msr_ranges_cases, {
{ __start_msr_ranges_text, __stop_msr_ranges_text },
{ __start_msr_ranges_rodata, __stop_msr_ranges_rodata },
{ __start_msr_ranges_data, __stop_msr_ranges_data },
{ __start_msr_ranges_bss, __stop_msr_ranges_bss },
} },
{ "msrs", msrs_main, __start_msrs_cases, __stop_msrs_cases, {
{ __start_msrs_text, __stop_msrs_text },
{ __start_msrs_rodata, __stop_msrs_rodata },
{ __start_msrs_data, __stop_msrs_data },
{ __start_msrs_bss, __stop_msrs_bss },
} },
{ "nmi", nmi_main, __start_nmi_cases, __stop_nmi_cases, {
{ __start_nmi_text, __stop_nmi_text },
{ __start_nmi_rodata, __stop_nmi_rodata },
{ __start_nmi_data, __stop_nmi_data },
{ __start_nmi_bss, __stop_nmi_bss },
} },
{ "no_virt", no_virt_main, __start_no_virt_cases, __stop_no_virt_cases, {
{ __start_no_virt_text, __stop_no_virt_text },
{ __start_no_virt_rodata, __stop_no_virt_rodata },
{ __start_no_virt_data, __stop_no_virt_data },
{ __start_no_virt_bss, __stop_no_virt_bss },
} },
{ "odd_jobs", odd_jobs_main, __start_odd_jobs_cases, __stop_odd_jobs_cases, {
{ __start_odd_jobs_text, __stop_odd_jobs_text },
{ __start_odd_jobs_rodata, __stop_odd_jobs_rodata },
{ __start_odd_jobs_data, __stop_odd_jobs_data },
{ __start_odd_jobs_bss, __stop_odd_jobs_bss },
} },
{ "pic", pic_main, __start_pic_cases, __stop_pic_cases, {
{ __start_pic_text, __stop_pic_text },
{ __start_pic_rodata, __stop_pic_rodata },
{ __start_pic_data, __stop_pic_data },
{ __start_pic_bss, __stop_pic_bss },
} },
{ "pit", pit_main, __start_pit_cases, __stop_pit_cases, {
{ __start_pit_text, __stop_pit_text },
{ __start_pit_rodata, __stop_pit_rodata },
{ __start_pit_data, __stop_pit_data },
{ __start_pit_bss, __stop_pit_bss },
} },
{ "port_io", port_io_main, __start_port_io_cases, __stop_port_io_cases, {
{ __start_port_io_text, __stop_port_io_text },
{ __start_port_io_rodata, __stop_port_io_rodata },
{ __start_port_io_data, __stop_port_io_data },
{ __start_port_io_bss, __stop_port_io_bss },
} },
{ "restart", restart_main, __start_restart_cases, __stop_restart_cases, {
{ __start_restart_text, __stop_restart_text },
{ __start_restart_rodata, __stop_restart_rodata },
{ __start_restart_data, __stop_restart_data },
{ __start_restart_bss, __stop_restart_bss },
} },
{ "run_control", run_control_main, __start_run_control_cases, __stop_run_control_cases, {
{ __start_run_control_text, __stop_run_control_text },
{ __start_run_control_rodata, __stop_run_control_rodata },
{ __start_run_control_data, __stop_run_control_data },
{ __start_run_control_bss, __stop_run_control_bss },
} },
{ "slots", slots_main, __start_slots_cases, __stop_slots_cases, {
{ __start_slots_text, __stop_slots_text },
{ __start_slots_rodata, __stop_slots_rodata },
{ __start_slots_data, __stop_slots_data },
{ __start_slots_bss, __stop_slots_bss },
} },
{ "smp_start", smp_start_main, __start_smp_start_cases, __stop_smp_start_cases, {
{ __start_smp_start_text, __stop_smp_start_text },
{ __start_smp_start_rodata, __stop_smp_start_rodata },
{ __start_smp_start_data, __stop_smp_start_data },
{ __start_smp_start_bss, __stop_smp_start_bss },
} },
{ "state", state_main, __start_state_cases, __stop_state_cases, {
{ __start_state_text, __stop_state_text },
{ __start_state_rodata, __stop_state_rodata },
{ __start_state_data, __stop_state_data },
{ __start_state_bss, __stop_state_bss },
} },
{ "state_rules", state_rules_main, __start_state_rules_cases, __stop_state_rules_cases, {
{ __start_state_rules_text, __stop_state_rules_text },
{ __start_state_rules_rodata, __stop_state_rules_rodata },
{ __start_state_rules_data, __stop_state_rules_data },
{ __start_state_rules_bss, __stop_state_rules_bss },
} },
{ "suspend", suspend_main, __start_suspend_cases, __stop_suspend_cases, {
{ __start_suspend_text, __stop_suspend_text },
{ __start_suspend_rodata, __stop_suspend_rodata },
{ __start_suspend_data, __stop_suspend_data },
{ __start_suspend_bss, __stop_suspend_bss },
} },
{ "system_ioctls", system_ioctls_main, __start_system_ioctls_cases, __stop_system_ioctls_cases, {
{ __start_system_ioctls_text, __stop_system_ioctls_text },
{ __start_system_ioctls_rodata, __stop_system_ioctls_rodata },
{ __start_system_ioctls_data, __stop_system_ioctls_data },
{ __start_system_ioctls_bss, __stop_system_ioctls_bss },
} },
{ "tsc", tsc_main, __start_tsc_cases, __stop_tsc_cases, {
{ __start_tsc_text, __stop_tsc_text },
{ __start_tsc_rodata, __stop_tsc_rodata },
{ __start_tsc_data, __stop_tsc_data },
{ __start_tsc_bss, __stop_tsc_bss },
} },
{ "vcpu_ioctls", vcpu_ioctls_main, __start_vcpu_ioctls_cases, __stop_vcpu_ioctls_cases, {
{ __start_vcpu_ioctls_text, __stop_vcpu_ioctls_text },
{ __start_vcpu_ioctls_rodata, __stop_vcpu_ioctls_rodata },
{ __start_vcpu_ioctls_data, __stop_vcpu_ioctls_data },
{ __start_vcpu_ioctls_bss, __stop_vcpu_ioctls_bss },
} },
{ "vm_cost", vm_cost_main, __start_vm_cost_cases, __stop_vm_cost_cases, {
{ __start_vm_cost_text, __stop_vm_cost_text },
{ __start_vm_cost_rodata, __stop_vm_cost_rodata },
{ __start_vm_cost_data, __stop_vm_cost_data },
{ __start_vm_cost_bss, __stop_vm_cost_bss },
} },
{ } };
