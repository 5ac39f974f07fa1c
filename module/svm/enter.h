/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_SVM_ENTER_H
#define BELLOWS_SVM_ENTER_H
/*
 * Numbers that the assembly of the switch shares with C, for assembly and C.
 * The C side asserts that they are what they should be.
 */

/* Positions in vcpu->regs[]; 8 to 15 are R8 to R15, RAX and RSP travel in the VMCB. */
#define SVM_RCX			1
#define SVM_RDX			2
#define SVM_RBX			3
#define SVM_RBP			5
#define SVM_RSI			6
#define SVM_RDI			7

/* Offsets in struct svm_spec_ctrl. */
#define SVM_SPEC_GUEST		0
#define SVM_SPEC_HOST		4
#define SVM_SPEC_ACTIVE		8
#define SVM_SPEC_DIRECT		9

#endif
