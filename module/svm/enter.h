/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_SVM_ENTER_H
#define BELLOWS_SVM_ENTER_H
/*
 * Numbers that the assembly of the switch shares with C, for assembly and C.
 * The C side asserts that they are what they should be.
 */

/* Positions in vcpu->regs[]; 8 to 15 are R8 to R15, RAX and RSP travel in the VMCB. */
#define BELLOWS_SVM_RCX		1
#define BELLOWS_SVM_RDX		2
#define BELLOWS_SVM_RBX		3
#define BELLOWS_SVM_RBP		5
#define BELLOWS_SVM_RSI		6
#define BELLOWS_SVM_RDI		7

/* Offsets in struct bellows_svm_spec_ctrl. */
#define BELLOWS_SVM_SPEC_GUEST	0
#define BELLOWS_SVM_SPEC_HOST	4
#define BELLOWS_SVM_SPEC_ACTIVE	8
#define BELLOWS_SVM_SPEC_DIRECT	9

#endif
