//! Projects kept as they are at one moment, and put back (SN-1, SN-2).

use std::sync::Arc;

use super::project::KeptProject;
use super::store::Store;

impl Store {
    /// The state of a project, `None` if the key is not accepted or the environment not declared.
    pub(crate) fn keep_project(&self, key: &str, environment: &str) -> Option<Arc<KeptProject>> {
        let key = self.projects_of(key).ok()??;
        Some(Arc::new(key.project(environment)?.keep()))
    }

    /// Puts a state in the place of a project's present one; false if there is no such project.
    pub(crate) fn put_back_project(&self, key: &str, environment: &str, kept: &KeptProject) -> bool {
        let Ok(Some(key)) = self.projects_of(key) else { return false };
        key.project(environment).map(|project| project.put_back(kept)).is_some()
    }

    /// Has a project begin with a state, now and whenever it is cleared (SD-1); nothing if there is no such project.
    pub(crate) fn begin_project(&self, key: &str, environment: &str, kept: &Arc<KeptProject>) {
        if let Ok(Some(key)) = self.projects_of(key)
            && let Some(project) = key.project(environment)
        {
            project.begin_with(kept);
        }
    }
}
