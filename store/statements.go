package store

import "slices"

// statements lists every statement, so that an engine can prepare them; it runs no other.
func statements() []string {
	return slices.Concat(configStatements(), grantStatements(), recordStatements(), signInStatements())
}

func configStatements() []string {
	return []string{
		realmList, realmPut, realmDelete,
		scopeList, scopePut, scopeDelete,
		clientGet, clientPage, clientPut, clientSwap, clientLock, clientDelete,
		accountGet, accountPage, accountPut, accountPassword, accountDelete, accountDoc, accountSwap, accountLock, accountByEmail,
		registrationAdd, registrationCount, registrationLock, registrationClient,
		initialAdd, initialGet, initialUse, initialSpent, initialBound, initialDrop, initialDropAll,
		apiList, apiPut, apiDelete,
		credentialGet, credentialList, credentialAll, credentialHash, credentialPut, credentialDelete, credentialEndClient,
		certificateList, certificateAdd, certificateDelete,
		realmFamilies, realmReferences, realmRevocations, realmTickets, realmKeys, realmUsage,
	}
}

func grantStatements() []string {
	return []string{
		familyAdd, familyGet, familyRotate, familyUse, familyState, familyDelete, familyList,
		familyEndUser, familyEndClient, familyBound, familyDrop, familyDropAll,
		referenceAdd, referenceGet, referenceDelete, referenceList,
		referenceEndUser, referenceEndClient, referenceBound, referenceDrop, referenceDropAll,
		revocationAdd, revocationList, revocationBound, revocationDrop, revocationDropAll,
	}
}

func recordStatements() []string {
	return []string{
		keyList, keyAdd, keyRetire, keyDrop,
		ticketAdd, ticketClaim, ticketTake, ticketGet, ticketSwap, ticketSpend, ticketBound, ticketDrop, ticketDropAll,
		eventAdd, eventPage,
		acmeGet, acmePut, acmeList, acmeDelete, acmeClear, acmeLock, acmeRenew, acmeUnlock,
		usageLease, usageReturn, usageGet, usageBound, usageDrop, usageDropAll,
	}
}

func signInStatements() []string {
	return []string{
		sessionAdd, sessionGet, sessionDoc, sessionList, sessionTouch, sessionSwap, sessionReplace, sessionEnd, sessionEndUser,
		sessionBound, sessionDrop, sessionDropAll,
		consentGet, consentList, consentPut, consentEnd, consentEndUser, consentEndClient,
		factorGet, factorList, factorAdd, factorSwap, factorDelete, factorEndUser,
	}
}
